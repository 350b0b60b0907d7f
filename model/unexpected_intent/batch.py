"""The seam between dialogues and the model of unexpected intents.

A batch is one of TED (`model/ted/batch.py`), of dialogues up to the bot's last action before the
user speaks, but for its label:

| key | shape, dtype | meaning |
|---|---|---|
| `intent_ids` | `[B, I]` int32 | the intents that may follow, filled up with -1; `I` is the most |
| | | that any example of the data set has |

There are no texts: a dialogue in which someone was understood by text is none to learn from.
"""

from __future__ import annotations

import tensorflow as tf

from model.batch import WEIGHT_SPEC
from model.ted.batch import ATTRIBUTES, TEXT_ATTRIBUTES

ROW_ATTRIBUTES = tuple(name for name in ATTRIBUTES if name not in TEXT_ATTRIBUTES)
TRAINING_SPEC = {"intent_ids": tf.TensorSpec([None, None], tf.int32), **WEIGHT_SPEC}
