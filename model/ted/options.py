"""Which options TED has: Rasa's names, Rasa's defaults, and what is allowed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from model.options.checks import flag, map_of, number, optional, sizes, whole
from model.options.fields import REFUSED, WITHOUT_EFFECT, option, redeclared
from model.options.shared import RATE, SharedOptions
from model.ted.tracker_featurizer import full_dialogue, tracker_featurizer

TEXTS = ("text", "action_text", "label_action_text")
ENCODERS = (*TEXTS, "dialogue")
NAMES = ("intent", "action_name", "label_action_name", "entities", "slots", "active_loop")
FEATURES = (*TEXTS, *NAMES)

_WIDE = {name: 128 if name in TEXTS else 20 for name in FEATURES}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TEDOptions(SharedOptions):
    """The options of Rasa 3.6's `TEDPolicy`, checked.

    `from_rasa` reads a policy of a `config.yml`. The training loop, the data pipeline and the
    answers take their share of the options from here, too.

    Raises:
        ValueError: An option has a value that is not allowed; the message names the option, the
            value, and what is allowed.

    >>> TEDOptions.from_rasa({"name": "TEDPolicy", "max_history": 5}).max_history
    5
    """

    title: ClassVar[str] = "TED"

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
    unidirectional_encoder: bool = redeclared(
        SharedOptions,
        "unidirectional_encoder",
        False,
        "whether tokens see no later tokens; turns follow `featurizer`",
    )
    # --- Tasks ------------------------------------------------------------------------------------
    entity_recognition: bool = redeclared(
        SharedOptions, "entity_recognition", True, "whether entities of end-to-end texts are learnt"
    )
    use_masked_language_model: bool = redeclared(
        SharedOptions,
        "use_masked_language_model",
        False,
        "whether tokens of texts are hidden; nothing is learnt from guessing them",
    )
    # --- Loss and regularisation ------------------------------------------------------------------
    scale_loss: bool = redeclared(SharedOptions, "scale_loss", True)
    maximum_negative_similarity: float = redeclared(
        SharedOptions, "maximum_negative_similarity", -0.2
    )
    regularization_constant: float = redeclared(SharedOptions, "regularization_constant", 0.001)
    drop_rate: float = redeclared(
        SharedOptions, "drop_rate", 0.0, "dropout of inputs and of text encoders"
    )
    drop_rate_dialogue: float = option(
        0.1, "dropout of the dialogue encoder, and in front of it and of labels", RATE
    )
    drop_rate_label: float = option(
        0.0, "not looked at, as in Rasa", RATE, state=f"{WITHOUT_EFFECT}, as in Rasa"
    )
    # --- Training ---------------------------------------------------------------------------------
    epochs: int = redeclared(SharedOptions, "epochs", 1)
    use_gpu: bool = option(
        True,
        "must stay True; the run decides on its devices",
        flag,
        state=f"`false` is {REFUSED}: hide the GPUs",
    )
    # --- Data and answers -------------------------------------------------------------------------
    max_history: int | None = option(
        None, "turns that an example keeps; None = all", optional(whole(1))
    )
    featurizer: list | None = option(
        None, "a tracker featurizer, as a list of one map", optional(tracker_featurizer)
    )
    ranking_length: int = redeclared(
        SharedOptions, "ranking_length", 0, "actions that keep their confidence; 0 = all"
    )
    e2e_confidence_threshold: float = option(
        0.5, "what an answer to a text must exceed to win over that to an intent", number
    )
    priority: int = option(
        1,
        "not looked at: there are no other policies here",
        whole(0),
        state=f"{WITHOUT_EFFECT}: there are no other policies here",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, width in self.transformer_size.items():
            if self.number_of_transformer_layers[name]:
                self._check_heads(width, f"transformer_size of {name}")
        if not self.use_gpu:
            self._refuse("use_gpu", "is not supported; hide the GPUs (CUDA_VISIBLE_DEVICES='')")

    @property
    def full_dialogue(self) -> bool:
        """Whether an example is a whole dialogue with all its actions, not one action."""
        return full_dialogue(self.featurizer)
