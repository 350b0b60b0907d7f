"""Which options the response selector has: DIET's, with other defaults, and two of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from model.diet.options import DIETOptions
from model.options.checks import anything, flag, name, optional
from model.options.fields import WITHOUT_EFFECT, option, redeclared

_AS_IN_RASA = f"{WITHOUT_EFFECT}, as in Rasa: a selector only selects"


def _default(name: str, default: Any, meaning: str | None = None) -> Any:
    return redeclared(DIETOptions, name, default, meaning)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResponseSelectorOptions(DIETOptions):
    """The options of Rasa 3.6's `ResponseSelector`, checked.

    Raises:
        ValueError: An option has a value that is not allowed; the message names the option, the
            value, and what is allowed.

    >>> ResponseSelectorOptions.from_rasa({"retrieval_intent": "faq"}).number_of_transformer_layers
    0
    """

    title: ClassVar[str] = "ResponseSelector"

    # --- Labels -----------------------------------------------------------------------------------
    retrieval_intent: str | None = option(
        None, "the intent whose responses are learnt; empty = those of all", optional(name)
    )
    use_text_as_label: bool = option(
        False,
        "whether responses are known by their text rather than by their key",
        flag,
        state="done; Rasa 3.6.21 fails without a transformer, and with one answers from the last "
        "token rather than from the whole text that it learnt from",
    )
    # --- Architecture -----------------------------------------------------------------------------
    hidden_layers_sizes: Mapping[str, list[int]] = _default(
        "hidden_layers_sizes", {"text": [256, 128], "label": [256, 128]}
    )
    dense_dimension: Mapping[str, int] = _default("dense_dimension", {"text": 512, "label": 512})
    concat_dimension: Mapping[str, int] = _default("concat_dimension", {"text": 512, "label": 512})
    share_hidden_layers: bool = option(
        False,
        "whether texts and labels go through the same layers: hidden ones, or by text all of them",
        flag,
        state="done, as documented; by key Rasa 3.6.21 refuses it or ends with `KeyError: 'text'`",
    )
    transformer_size: int | None | Mapping[str, int | None] = _default(
        "transformer_size", None, "width of the encoder; empty = 256"
    )
    number_of_transformer_layers: int = _default("number_of_transformer_layers", 0)
    connection_density: float = _default("connection_density", 1.0)
    # --- Loss and regularisation ------------------------------------------------------------------
    scale_loss: bool = _default("scale_loss", True)
    use_sparse_input_dropout: bool = _default("use_sparse_input_dropout", False)
    use_dense_input_dropout: bool = _default("use_dense_input_dropout", False)
    # --- Of DIET ----------------------------------------------------------------------------------
    intent_classification: bool = option(True, "not looked at", anything, state=_AS_IN_RASA)
    entity_recognition: bool = option(True, "not looked at", anything, state=_AS_IN_RASA)
    BILOU_flag: bool = option(True, "not looked at", anything, state=_AS_IN_RASA)
    split_entities_by_comma: bool | Mapping[str, bool] = option(
        True, "not looked at", anything, state=_AS_IN_RASA
    )
    ranking_length: int = _default("ranking_length", 10, "responses in an answer; 0 = all")

    @property
    def selector(self) -> str:
        """What Rasa's answers call the selector: its retrieval intent, or `default`."""
        return self.retrieval_intent or "default"
