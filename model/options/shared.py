"""Which options Rasa's models have in common, and how all options are checked and read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from model.options.checks import (
    anything,
    at_least,
    between,
    flag,
    flag_or_map,
    interval,
    list_of_names,
    number,
    one_of,
    optional,
    size_or_range,
    whole,
)
from model.options.fields import OURS, REFUSED, WITHOUT_EFFECT, option
from model.options.rasa_names import merged_with_defaults

RATE = between(0, 1, open_end=True)

Options = TypeVar("Options", bound="SharedOptions")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SharedOptions:
    """The options of Rasa 3.6 that mean the same for every model; a model's own class adds to them.

    A subclass names itself in `title`, declares those that are maps by attribute, since each model
    has other attributes, and redeclares those whose default is another one (`redeclared`).

    Raises:
        ValueError: An option has a value that is not allowed; the message names the option, the
            value, and what is allowed.
    """

    title: ClassVar[str]
    """What messages call the model."""

    # --- By attribute: a subclass declares them ---------------------------------------------------
    hidden_layers_sizes: Mapping[str, list[int]]
    dense_dimension: Mapping[str, int]
    concat_dimension: Mapping[str, int]
    # --- Architecture -----------------------------------------------------------------------------
    number_of_attention_heads: int = option(4, "must divide transformer_size", whole(1))
    use_key_relative_attention: bool = option(False, "relative positions in attention keys", flag)
    use_value_relative_attention: bool = option(False, "the same in attention values", flag)
    max_relative_position: int = option(5, "greatest distance that is told apart", whole(1))
    unidirectional_encoder: bool = option(False, "whether tokens see no later tokens", flag)
    embedding_dimension: int = option(20, "width of the embeddings that are compared", whole(1))
    connection_density: float = option(0.2, "share of weights that exist", between(0, 1))
    # --- Tasks ------------------------------------------------------------------------------------
    entity_recognition: bool = option(True, "whether to learn entities, roles and groups", flag)
    use_masked_language_model: bool = option(False, "whether to guess hidden tokens, too", flag)
    BILOU_flag: bool = option(True, "whether tags tell begin, inside, last and unit", flag)
    # --- Loss -------------------------------------------------------------------------------------
    number_of_negative_examples: int = option(20, "negatives drawn per example", whole(1))
    similarity_type: str = option(
        "auto",
        '"auto" is "inner" for cross-entropy and "cosine" for margin',
        one_of("auto", "inner", "cosine"),
        state=f'done; "cosine" with cross-entropy is {REFUSED}, as by Rasa',
    )
    loss_type: str = option(
        "cross_entropy",
        '"cross_entropy" over sampled negatives, or "margin" as in StarSpace',
        one_of("cross_entropy", "margin"),
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
    drop_rate: float = option(0.2, "dropout of inputs, hidden layers and encoder", RATE)
    drop_rate_attention: float = option(0.0, "dropout of attention", RATE)
    use_sparse_input_dropout: bool = option(True, "dropout of sparse features", flag)
    use_dense_input_dropout: bool = option(True, "dropout of projected sparse features", flag)
    # --- Training ---------------------------------------------------------------------------------
    batch_size: int | list[int] = option(
        [64, 256], "examples per step, all devices together; a pair grows by epoch", size_or_range
    )
    batch_strategy: str = option(
        "balanced",
        '"balanced" draws labels evenly, "sequence" takes all examples in any order',
        one_of("balanced", "sequence"),
    )
    epochs: int = option(300, "times that the training data is gone through", whole(1))
    learning_rate: float = option(0.001, "of Adam", at_least(0))
    random_seed: int | None = option(
        None,
        "determines initial weights, order of examples and all draws",
        optional(whole(0)),
        state="done; empty means 0, so that a run can be repeated",
    )
    evaluate_every_number_of_epochs: int = option(20, "-1 = after the last epoch", interval)
    evaluate_on_number_of_examples: int = option(0, "held out of the training data", whole(0))
    checkpoint_model: bool = option(False, "whether the best evaluated weights are kept", flag)
    tensorboard_log_directory: str | None = option(
        None,
        "None = no TensorBoard",
        anything,
        state=f"{WITHOUT_EFFECT}: it is always written to the run directory",
    )
    tensorboard_log_level: str = option(
        "epoch",
        '"epoch" or "batch"',
        one_of("epoch", "batch"),
        state=f"{WITHOUT_EFFECT}: steps and epochs are both written",
    )
    # --- Data and answers -------------------------------------------------------------------------
    featurizers: list[str] = option([], "aliases of those used; empty = all", list_of_names)
    ranking_length: int = option(10, "labels in an answer; 0 = all", whole(0))
    model_confidence: str = option(
        "softmax",
        '"softmax" of the similarities, or "auto": the similarities (always so with margin)',
        one_of("softmax", "auto"),
        state='done; "cosine", "inner" and "linear_norm" of Rasa 2 are read as "softmax"',
    )
    renormalize_confidences: bool = option(False, "whether a cut ranking sums to 1", flag)
    split_entities_by_comma: bool | Mapping[str, bool] = option(
        True, "whether a list of equal entities is split; also per entity", flag_or_map
    )
    # --- Not in Rasa ------------------------------------------------------------------------------
    entity_confidence: str = option(
        "rasa",
        '"rasa" as Rasa computes it, or "intended"; see `model/losses/crf.py`',
        one_of("rasa", "intended"),
        state=OURS,
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if allowed := field.metadata["check"](getattr(self, field.name)):
                self._refuse(field.name, f"must be {allowed}")
        if self.model_similarity == "cosine" and self.loss_type == "cross_entropy":
            self._refuse(
                "similarity_type", 'must be "auto" or "inner" when loss_type is "cross_entropy"'
            )

    @property
    def confidences_are_softmax(self) -> bool:
        """Whether an answer's confidences sum to 1; else they are the similarities."""
        return self.loss_type == "cross_entropy" and self.model_confidence == "softmax"

    def _refuse(self, name: str, why: str) -> None:
        raise ValueError(f"{self.title}: `{name}` {why}. Received: {getattr(self, name)!r}")

    def _check_heads(self, width: int, where: str = "transformer_size") -> None:
        """Refuse a number of heads that an encoder of this width cannot have."""
        if width % self.number_of_attention_heads:
            self._refuse("number_of_attention_heads", f"must divide {width} ({where})")

    @property
    def model_similarity(self) -> str:
        """`similarity_type` with "auto" resolved."""
        if self.similarity_type != "auto":
            return self.similarity_type
        return "inner" if self.loss_type == "cross_entropy" else "cosine"

    @property
    def seed(self) -> int:
        """`random_seed`, and 0 where that is empty: there is no run that cannot be repeated."""
        return 0 if self.random_seed is None else self.random_seed

    @classmethod
    def from_rasa(cls: type[Options], component: Mapping[str, Any]) -> Options:
        """The options of the model's entry in a Rasa configuration.

        Maps are merged with the defaults key by key; names of earlier releases are translated,
        with a notice in the log. A key that is not known has no effect, with a warning.
        """
        return cls().overridden(component)  # type: ignore[call-arg] # models have all defaults

    def overridden(self: Options, values: Mapping[str, Any]) -> Options:
        """These options with other values for some, read as those of `from_rasa` are."""
        merged = merged_with_defaults(self.title, values, dataclasses.asdict(self))
        return dataclasses.replace(self, **merged)
