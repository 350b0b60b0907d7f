"""Which options DIET has: Rasa's names, Rasa's defaults, and what is allowed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from model.options.checks import anything, flag, map_of, sizes, whole
from model.options.fields import REFUSED, option, redeclared
from model.options.shared import SharedOptions

_WIDTHS = map_of(("text", "label"), whole(1))


@dataclasses.dataclass(frozen=True, kw_only=True)
class DIETOptions(SharedOptions):
    """The options of Rasa 3.6's `DIETClassifier`, checked.

    `from_rasa` reads a component of a `config.yml`. The training loop, the data pipeline and the
    answers take their share of the options from here, too.

    Raises:
        ValueError: An option has a value that is not allowed; the message names the option, the
            value, and what is allowed.

    >>> DIETOptions.from_rasa({"name": "DIETClassifier", "epochs": 100}).epochs
    100
    """

    title: ClassVar[str] = "DIET"

    # --- Architecture -----------------------------------------------------------------------------
    hidden_layers_sizes: Mapping[str, list[int]] = option(
        {"text": [], "label": []},
        "widths of hidden layers between features and encoder or embedding",
        map_of(("text", "label"), sizes),
    )
    dense_dimension: Mapping[str, int] = option(
        {"text": 128, "label": 20}, "width that sparse features are projected to", _WIDTHS
    )
    concat_dimension: Mapping[str, int] = option(
        {"text": 128, "label": 20},
        "width in common, if sequence and sentence features differ in width",
        _WIDTHS,
    )
    share_hidden_layers: bool = option(
        False,
        "whether texts and labels go through the same hidden layers",
        flag,
        state="done, as documented; Rasa 3.6.21 ends with `KeyError: 'text'`",
    )
    transformer_size: int | None | Mapping[str, int | None] = option(
        256, "width of the encoder; also as a map {text: width}", anything
    )
    number_of_transformer_layers: int = option(2, "0 = no encoder", whole(0))
    # --- Tasks ------------------------------------------------------------------------------------
    intent_classification: bool = option(True, "whether to learn intents", flag)
    # --- Training ---------------------------------------------------------------------------------
    drop_small_last_batch: bool = option(
        False, "whether a last batch under a half is left out", flag
    )
    run_eagerly: bool = option(
        False, "must stay False", flag, state=f"`true` is {REFUSED}: a run is one compiled graph"
    )
    # --- Answers ----------------------------------------------------------------------------------
    ranking_length: int = redeclared(
        SharedOptions, "ranking_length", 10, "intents in an answer; 0 = all"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_transformer()
        if self.run_eagerly:
            self._refuse(
                "run_eagerly", "is not supported; to debug, call the model outside the run"
            )
        hidden = self.hidden_layers_sizes
        if self.share_hidden_layers and hidden["text"] != hidden["label"]:
            self._refuse(
                "hidden_layers_sizes", "must be the same for text and label, which share layers"
            )

    def _check_transformer(self) -> None:
        size = self._size_for_text
        if size is not None and (not isinstance(size, int) or isinstance(size, bool)):
            self._refuse("transformer_size", "must be a whole number, or a map of them")
        if self.number_of_transformer_layers:
            self._check_heads(self.text_transformer_size)
        elif self.use_masked_language_model:
            self._refuse(
                "number_of_transformer_layers",
                "must be at least 1 when use_masked_language_model is true",
            )

    @property
    def _size_for_text(self) -> int | None:
        size = self.transformer_size
        return size.get("text") if isinstance(size, Mapping) else size

    @property
    def text_transformer_size(self) -> int:
        """The width of the text encoder; Rasa takes 256 where none is given."""
        size = self._size_for_text
        return size if size and size > 0 else 256
