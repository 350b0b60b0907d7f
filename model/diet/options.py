"""Which options DIET has: Rasa's names, Rasa's defaults, and what is allowed."""

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

_WIDTHS = map_of(("text", "label"), whole(1))
_RATE = between(0, 1, open_end=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DIETOptions:
    """The options of Rasa 3.6's `DIETClassifier`, checked.

    `from_rasa` reads a component of a `config.yml`. The training loop, the data pipeline and the
    answers take their share of the options from here, too.

    Raises:
        ValueError: An option has a value that is not allowed; the message names the option, the
            value, and what is allowed.

    >>> DIETOptions.from_rasa({"name": "DIETClassifier", "epochs": 100}).epochs
    100
    """

    # --- Architecture -----------------------------------------------------------------------------
    hidden_layers_sizes: Mapping[str, list[int]] = option(
        {"text": [], "label": []},
        "widths of hidden layers between features and encoder or embedding",
        map_of(("text", "label"), sizes),
    )
    share_hidden_layers: bool = option(
        False, "whether texts and labels go through the same hidden layers", flag
    )
    transformer_size: int | None | Mapping[str, int | None] = option(
        256, "width of the encoder; also as a map {text: width}", anything
    )
    number_of_transformer_layers: int = option(2, "0 = no encoder", whole(0))
    number_of_attention_heads: int = option(4, "must divide transformer_size", whole(1))
    use_key_relative_attention: bool = option(False, "relative positions in attention keys", flag)
    use_value_relative_attention: bool = option(False, "the same in attention values", flag)
    max_relative_position: int = option(5, "greatest distance that is told apart", whole(1))
    unidirectional_encoder: bool = option(False, "whether tokens see no later tokens", flag)
    embedding_dimension: int = option(20, "width of the embeddings that are compared", whole(1))
    dense_dimension: Mapping[str, int] = option(
        {"text": 128, "label": 20}, "width that sparse features are projected to", _WIDTHS
    )
    concat_dimension: Mapping[str, int] = option(
        {"text": 128, "label": 20},
        "width in common, if sequence and sentence features differ in width",
        _WIDTHS,
    )
    connection_density: float = option(0.2, "share of weights that exist", between(0, 1))
    # --- Tasks ------------------------------------------------------------------------------------
    intent_classification: bool = option(True, "whether to learn intents", flag)
    entity_recognition: bool = option(True, "whether to learn entities, roles and groups", flag)
    use_masked_language_model: bool = option(False, "whether to guess hidden tokens, too", flag)
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
    scale_loss: bool = option(False, "whether learnt examples count less", flag)
    maximum_positive_similarity: float = option(0.8, "margin: what a pair should reach", number)
    maximum_negative_similarity: float = option(-0.4, "margin: minus what others may reach", number)
    use_maximum_negative_similarity: bool = option(
        True, "margin: whether only the most similar wrong label counts", flag
    )
    negative_margin_scale: float = option(0.8, "margin: weight of the other parts", at_least(0))
    # --- Regularisation ---------------------------------------------------------------------------
    regularization_constant: float = option(0.002, "L2", at_least(0))
    drop_rate: float = option(0.2, "dropout of inputs, hidden layers and encoder", _RATE)
    drop_rate_attention: float = option(0, "dropout of attention", _RATE)
    use_sparse_input_dropout: bool = option(True, "dropout of sparse features", flag)
    use_dense_input_dropout: bool = option(True, "dropout of projected sparse features", flag)
    # --- Training ---------------------------------------------------------------------------------
    batch_size: int | list[int] = option(
        [64, 256], "examples per step, all devices together; a pair grows by epoch", size_or_range
    )
    batch_strategy: str = option("balanced", "", one_of("balanced", "sequence"))
    drop_small_last_batch: bool = option(
        False, "whether a last batch under a half is left out", flag
    )
    epochs: int = option(300, "", whole(1))
    learning_rate: float = option(0.001, "of Adam", at_least(0))
    random_seed: int | None = option(None, "None = from the clock", optional(whole(0)))
    evaluate_every_number_of_epochs: int = option(20, "-1 = after the last epoch", interval)
    evaluate_on_number_of_examples: int = option(0, "held out of the training data", whole(0))
    checkpoint_model: bool = option(False, "whether the best evaluated weights are kept", flag)
    tensorboard_log_directory: str | None = option(None, "None = no TensorBoard", anything)
    tensorboard_log_level: str = option("epoch", "", one_of("epoch", "batch"))
    run_eagerly: bool = option(False, "must stay False", flag)
    # --- Data and answers -------------------------------------------------------------------------
    featurizers: list[str] = option([], "aliases of those used; empty = all", list_of_names)
    ranking_length: int = option(10, "intents in an answer; 0 = all", whole(0))
    model_confidence: str = option("softmax", "", one_of("softmax"))
    renormalize_confidences: bool = option(False, "whether a cut ranking sums to 1", flag)
    split_entities_by_comma: bool | Mapping[str, bool] = option(
        True, "whether a list of equal entities is split; also per entity", flag_or_map
    )
    # --- Not in Rasa ------------------------------------------------------------------------------
    entity_confidence: str = option("rasa", "see model.crf.CRF", one_of("rasa", "intended"))

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            allowed = field.metadata["check"](getattr(self, field.name))
            if allowed:
                self._refuse(field.name, f"must be {allowed}")
        self._check_transformer()
        if self.run_eagerly:
            self._refuse(
                "run_eagerly", "is not supported; to debug, call the model outside the run"
            )
        if self.model_similarity == "cosine" and self.loss_type == "cross_entropy":
            self._refuse(
                "similarity_type", 'must be "auto" or "inner" when loss_type is "cross_entropy"'
            )
        hidden = self.hidden_layers_sizes
        if self.share_hidden_layers and hidden["text"] != hidden["label"]:
            self._refuse(
                "hidden_layers_sizes", "must be the same for text and label, which share layers"
            )

    def _check_transformer(self) -> None:
        size = self.transformer_size
        if isinstance(size, Mapping):
            size = size.get("text")
        if size is not None and (not isinstance(size, int) or isinstance(size, bool)):
            self._refuse("transformer_size", "must be a whole number, or a map of them")
        if not self.number_of_transformer_layers:
            if self.use_masked_language_model:
                self._refuse(
                    "number_of_transformer_layers",
                    "must be at least 1 when use_masked_language_model is true",
                )
        elif self.text_transformer_size % self.number_of_attention_heads:
            self._refuse(
                "number_of_attention_heads",
                f"must divide {self.text_transformer_size} (transformer_size)",
            )

    def _refuse(self, name: str, why: str) -> None:
        raise ValueError(f"DIET: `{name}` {why}. Received: {getattr(self, name)!r}")

    @property
    def text_transformer_size(self) -> int:
        """The width of the text encoder; Rasa takes 256 where none is given."""
        size = self.transformer_size
        if isinstance(size, Mapping):
            size = size.get("text")
        return size if size and size > 0 else 256

    @property
    def model_similarity(self) -> str:
        """`similarity_type` with "auto" resolved."""
        if self.similarity_type != "auto":
            return self.similarity_type
        return "inner" if self.loss_type == "cross_entropy" else "cosine"

    @classmethod
    def from_rasa(cls, component: Mapping[str, Any]) -> DIETOptions:
        """The options of a `DIETClassifier` entry of a Rasa pipeline.

        Maps are merged with the defaults key by key; names of earlier releases are translated,
        with a notice in the log.

        Raises:
            ValueError: A key is not known, with the names that it resembles.
        """
        defaults = dataclasses.asdict(cls())
        return cls(**merged_with_defaults("DIET", component, defaults))
