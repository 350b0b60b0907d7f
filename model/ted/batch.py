"""The seam between dialogues and TED: a batch is a flat dictionary of the tensors named here.

`B` is the number of rows (examples) this replica holds. An example is a dialogue, as a sequence of
turns from the first to the current one. All turns of all examples are laid end to end and numbered
from 0; there is no padding between them.

| key | shape, dtype | meaning |
|---|---|---|
| `dialogue_lengths` | `[B]` int32 | turns of each example, at least 1 |
| `label_ids` | `[B]` int32 | the action that follows the last turn; in full dialogues `[turns]`: |
| | | that which follows each turn, or `NO_LABEL` where there is nothing to learn |
| `example_weights` | `[B]` float32 | 1 = an example, 0 = a row that only fills the batch |
| `entity_tags` | `[R, T]` int32 | tag ids of the texts in last turns (in full dialogues: of all |
| | | texts), in their order, `T` as in `text_mask`; 0 = outside or padding |

What a turn holds is spread over the attributes `intent`, `text`, `action_name`, `action_text`,
`entities`, `slots` and `active_loop`, as far as the model knows them. For each attribute `A`, with
`R` turns (0 or more) that have it:

| key | shape, dtype | meaning |
|---|---|---|
| `A_turns` | `[R]` int64 | their numbers, ascending |
| `A_indices` | `[N, 2]` int64 | sparse features: (place in `A_turns`, column), sorted |
| `A_values` | `[N]` float32 | the values at those places |
| `A_dense` | `[R, width]` float32 | dense features |

`text` and `action_text` have, instead of the last three, the text tensors of `model.batch` with
`text` replaced by their name and `R` rows; `T` is at least 1.

Rows of weight 0 have one turn, which no attribute has; the global batch has them last. Replicas
hold equally many rows, but differ in turns, in `R` and in `T`.
"""

from __future__ import annotations

import tensorflow as tf

from model.batch import LABEL_SPEC, WEIGHT_SPEC, tag_spec
from model.layers.feature_widths import FeatureWidths

ACTION_ATTRIBUTES = ("action_name", "action_text")
TEXT_ATTRIBUTES = ("text", "action_text")
ATTRIBUTES = ("intent", "text", *ACTION_ATTRIBUTES, "entities", "slots", "active_loop")

NO_LABEL = -1
"""A turn (of a full dialogue) whose action is not learnt."""

DIALOGUE_SPEC = {"dialogue_lengths": tf.TensorSpec([None], tf.int32)}
TRAINING_SPEC = {**LABEL_SPEC, **WEIGHT_SPEC}
TAG_SPEC = tag_spec("entity")


def attribute_spec(attribute: str, widths: FeatureWidths) -> dict[str, tf.TensorSpec]:
    """The tensors of one attribute."""
    is_text = attribute in TEXT_ATTRIBUTES
    features = widths.text_spec(attribute) if is_text else widths.row_spec(attribute)
    return {f"{attribute}_turns": tf.TensorSpec([None], tf.int64), **features}
