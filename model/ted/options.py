"""Which options TED has: Rasa's names, Rasa's defaults, and what is allowed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from model.options.checks import (
    anything,
    at_least,
    between,
    flag,
    flag_or_map,
    interval,
    list_of_names,
    map_of,
    number,
    one_of,
    optional,
    size_or_range,
    sizes,
    whole,
)
from model.options.fields import option
from model.options.rasa_names import merged_with_defaults
from model.ted.tracker_featurizer import full_dialogue, tracker_featurizer

TEXTS = ("text", "action_text", "label_action_text")
ENCODERS = (*TEXTS, "dialogue")
NAMES = ("intent", "action_name", "label_action_name", "entities", "slots", "active_loop")
FEATURES = (*TEXTS, *NAMES)

_RATE = between(0, 1, open_end=True)
_WIDE = {name: 128 if name in TEXTS else 20 for name in FEATURES}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TEDOptions:
    """The options of Rasa 3.6's `TEDPolicy`, checked.

    `from_rasa` reads a policy of a `config.yml`. The training loop, the data pipeline and the
    answers take their share of the options from here, too.

    Raises:
        ValueError: An option has a value that is not allowed; the message names the option, the
            value, and what is allowed.

    >>> TEDOptions.from_rasa({"name": "TEDPolicy", "max_history": 5}).max_history
    5
    """

    # --- Architecture -----------------------------------------------------------------------------
    hidden_layers_sizes: Mapping[str, list[int]] = option(
        {name: [] for name in TEXTS},
        "widths of hidden layers between the features of texts and their encoder",
        map_of(TEXTS, sizes),
    )
    dense_dimension: Mapping[str, int] = option(
        _WIDE, "width that sparse features are projected to", map_of(FEATURES, whole(1))
    )
    concat_dimension: Mapping[str, int] = option(
        {name: 128 for name in TEXTS},
        "width in common, if sequence and sentence features differ in width",
        map_of(TEXTS, whole(1)),
    )
    encoding_dimension: int = option(
        50, "width of what the user said, and of the last action, in front of the encoder", whole(1)
    )
    transformer_size: Mapping[str, int] = option(
        {name: 128 for name in ENCODERS}, "widths of the encoders", map_of(ENCODERS, whole(1))
    )
    number_of_transformer_layers: Mapping[str, int] = option(
        {name: 1 for name in ENCODERS}, "0 = no encoder", map_of(ENCODERS, whole(0))
    )
    number_of_attention_heads: int = option(4, "must divide every transformer_size", whole(1))
    use_key_relative_attention: bool = option(False, "relative positions in attention keys", flag)
    use_value_relative_attention: bool = option(False, "the same in attention values", flag)
    max_relative_position: int = option(5, "greatest distance that is told apart", whole(1))
    unidirectional_encoder: bool = option(
        False, "whether tokens see no later tokens; turns follow `featurizer`", flag
    )
    embedding_dimension: int = option(20, "width of the embeddings that are compared", whole(1))
    connection_density: float = option(0.2, "share of weights that exist", between(0, 1))
    # --- Tasks ------------------------------------------------------------------------------------
    entity_recognition: bool = option(True, "whether entities of end-to-end texts are learnt", flag)
    use_masked_language_model: bool = option(
        False, "whether tokens of texts are hidden; nothing is learnt from guessing them", flag
    )
    BILOU_flag: bool = option(True, "whether tags tell begin, inside, last and unit", flag)
    # --- Loss -------------------------------------------------------------------------------------
    number_of_negative_examples: int = option(20, "negatives drawn per example", whole(1))
    similarity_type: str = option(
        "auto",
        '"auto" is "inner" for cross-entropy and "cosine" for margin',
        one_of("auto", "inner", "cosine"),
    )
    loss_type: str = option(
        "cross_entropy", "see DotProductLoss", one_of("cross_entropy", "margin")
    )
    constrain_similarities: bool = option(
        False, "whether the sigmoid loss of all similarities is added", flag
    )
    scale_loss: bool = option(True, "whether learnt examples count less", flag)
    maximum_positive_similarity: float = option(0.8, "margin: what a pair should reach", number)
    maximum_negative_similarity: float = option(-0.2, "margin: minus what others may reach", number)
    use_maximum_negative_similarity: bool = option(
        True, "margin: whether only the most similar wrong action counts", flag
    )
    negative_margin_scale: float = option(0.8, "margin: weight of the other parts", at_least(0))
    # --- Regularisation ---------------------------------------------------------------------------
    regularization_constant: float = option(0.001, "L2", at_least(0))
    drop_rate: float = option(0.0, "dropout of inputs and of text encoders", _RATE)
    drop_rate_dialogue: float = option(
        0.1, "dropout of the dialogue encoder, and in front of it and of labels", _RATE
    )
    drop_rate_label: float = option(0.0, "not looked at, as in Rasa", _RATE)
    drop_rate_attention: float = option(0.0, "dropout of attention", _RATE)
    use_sparse_input_dropout: bool = option(True, "dropout of sparse features", flag)
    use_dense_input_dropout: bool = option(True, "dropout of projected sparse features", flag)
    # --- Training ---------------------------------------------------------------------------------
    batch_size: int | list[int] = option(
        [64, 256], "examples per step, all devices together; a pair grows by epoch", size_or_range
    )
    batch_strategy: str = option("balanced", "", one_of("balanced", "sequence"))
    epochs: int = option(1, "", whole(1))
    learning_rate: float = option(0.001, "of Adam", at_least(0))
    random_seed: int | None = option(None, "None = from the clock", optional(whole(0)))
    evaluate_every_number_of_epochs: int = option(20, "-1 = after the last epoch", interval)
    evaluate_on_number_of_examples: int = option(0, "held out of the training data", whole(0))
    checkpoint_model: bool = option(False, "whether the best evaluated weights are kept", flag)
    tensorboard_log_directory: str | None = option(None, "None = no TensorBoard", anything)
    tensorboard_log_level: str = option("epoch", "", one_of("epoch", "batch"))
    use_gpu: bool = option(True, "must stay True; the run decides on its devices", flag)
    # --- Data and answers -------------------------------------------------------------------------
    max_history: int | None = option(
        None, "turns that an example keeps; None = all", optional(whole(1))
    )
    featurizer: list | None = option(
        None, "a tracker featurizer, as a list of one map", optional(tracker_featurizer)
    )
    featurizers: list[str] = option([], "aliases of those used; empty = all", list_of_names)
    ranking_length: int = option(0, "actions that keep their confidence; 0 = all", whole(0))
    model_confidence: str = option("softmax", "", one_of("softmax"))
    renormalize_confidences: bool = option(False, "whether a cut ranking sums to 1", flag)
    e2e_confidence_threshold: float = option(
        0.5, "what an answer to a text must exceed to win over that to an intent", number
    )
    split_entities_by_comma: bool | Mapping[str, bool] = option(
        True, "whether a list of equal entities is split; also per entity", flag_or_map
    )
    priority: int = option(1, "not looked at: there are no other policies here", whole(0))
    # --- Not in Rasa ------------------------------------------------------------------------------
    entity_confidence: str = option("rasa", "see model.crf.CRF", one_of("rasa", "intended"))

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            allowed = field.metadata["check"](getattr(self, field.name))
            if allowed:
                self._refuse(field.name, f"must be {allowed}")
        for name, width in self.transformer_size.items():
            layers = self.number_of_transformer_layers[name]
            if layers and width % self.number_of_attention_heads:
                self._refuse(
                    "number_of_attention_heads",
                    f"must divide {width} (transformer_size of {name})",
                )
        if not self.use_gpu:
            self._refuse("use_gpu", "is not supported; hide the GPUs (CUDA_VISIBLE_DEVICES='')")
        if self.model_similarity == "cosine" and self.loss_type == "cross_entropy":
            self._refuse(
                "similarity_type", 'must be "auto" or "inner" when loss_type is "cross_entropy"'
            )

    def _refuse(self, name: str, why: str) -> None:
        raise ValueError(f"TED: `{name}` {why}. Received: {getattr(self, name)!r}")

    @property
    def model_similarity(self) -> str:
        """`similarity_type` with "auto" resolved."""
        if self.similarity_type != "auto":
            return self.similarity_type
        return "inner" if self.loss_type == "cross_entropy" else "cosine"

    @property
    def full_dialogue(self) -> bool:
        """Whether an example is a whole dialogue with all its actions, not one action."""
        return full_dialogue(self.featurizer)

    @classmethod
    def from_rasa(cls, policy: Mapping[str, Any]) -> TEDOptions:
        """The options of a `TEDPolicy` entry of a Rasa configuration.

        Maps are merged with the defaults key by key; names of earlier releases are translated,
        with a notice in the log.

        Raises:
            ValueError: A key is not known, with the names that it resembles.
        """
        defaults = dataclasses.asdict(cls())
        return cls(**merged_with_defaults("TED", policy, defaults))
