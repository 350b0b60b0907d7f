"""Which options the policy for unexpected intents has: TED's, and two of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from model.options.checks import (
    anything,
    between,
    list_of_names,
    map_of,
    optional,
    sizes,
    whole,
)
from model.options.fields import WITHOUT_EFFECT, option, redeclared
from model.ted.options import TEDOptions

TEXTS = ("text",)
ENCODERS = ("text", "dialogue")
NAMES = ("intent", "action_name", "label_intent", "entities", "slots", "active_loop")

TRACKER_FEATURIZER = "IntentMaxHistoryTrackerFeaturizer"
STATE_FEATURIZER = "IntentTokenizerSingleStateFeaturizer"

_FIXED = f"{WITHOUT_EFFECT}, as in Rasa: always inner products and a sigmoid for each intent"
_NO_TEXTS = f"{WITHOUT_EFFECT}: dialogues with texts are not learnt from, as in Rasa"


def _tracker_featurizer(value: Any) -> str | None:
    """What Rasa takes beside its default, which is the same."""
    states = [{"name": STATE_FEATURIZER}]
    allowed = [{"name": TRACKER_FEATURIZER}]
    if value in (allowed, [{**allowed[0], "state_featurizer": states}]):
        return None
    return f"[{{name: {TRACKER_FEATURIZER}}}]; `max_history` is an option of the policy itself"


def _unused(default: Any, why: str) -> Any:
    return option(default, "not looked at", anything, state=why)


@dataclasses.dataclass(frozen=True, kw_only=True)
class UnexpectedIntentOptions(TEDOptions):
    """The options of Rasa 3.6's `UnexpecTEDIntentPolicy`, checked.

    Raises:
        ValueError: An option has a value that is not allowed; the message names the option, the
            value, and what is allowed.

    >>> UnexpectedIntentOptions.from_rasa({"tolerance": 0.1}).tolerance
    0.1
    """

    title: ClassVar[str] = "UnexpecTEDIntentPolicy"

    # --- Answers ----------------------------------------------------------------------------------
    tolerance: float = option(
        0.0,
        "share of the training examples without an intent that may be as similar to it as one with "
        "it must be: the more, the fewer intents are unexpected",
        between(0, 1),
    )
    ignore_intents_list: list[str] = option([], "intents that are never unexpected", list_of_names)
    ranking_length: int = redeclared(
        TEDOptions, "ranking_length", 10, "intents in an answer; 0 = all"
    )
    priority: int = redeclared(TEDOptions, "priority", 2)
    # --- Architecture -----------------------------------------------------------------------------
    dense_dimension: Mapping[str, int] = option(
        {"text": 128, **dict.fromkeys(NAMES, 20)},
        "width that sparse features are projected to",
        map_of(("text", *NAMES), whole(1)),
    )
    transformer_size: Mapping[str, int] = option(
        {name: 128 for name in ENCODERS}, "widths of the encoders", map_of(ENCODERS, whole(1))
    )
    number_of_transformer_layers: Mapping[str, int] = option(
        {name: 1 for name in ENCODERS}, "0 = no encoder", map_of(ENCODERS, whole(0))
    )
    number_of_negative_examples: int = redeclared(
        TEDOptions, "number_of_negative_examples", 20, "intents drawn per example"
    )
    featurizer: list | None = option(
        None, "a tracker featurizer, as a list of one map", optional(_tracker_featurizer)
    )
    # --- Without effect ---------------------------------------------------------------------------
    hidden_layers_sizes: Mapping[str, list[int]] = option(
        {"text": []}, "not looked at", map_of(TEXTS, sizes), state=_NO_TEXTS
    )
    concat_dimension: Mapping[str, int] = option(
        {"text": 128}, "not looked at", map_of(TEXTS, whole(1)), state=_NO_TEXTS
    )
    unidirectional_encoder: bool = _unused(False, _NO_TEXTS)
    use_masked_language_model: bool = _unused(False, _NO_TEXTS)
    entity_recognition: bool = _unused(False, _NO_TEXTS)
    BILOU_flag: bool = _unused(False, _NO_TEXTS)
    split_entities_by_comma: bool | Mapping[str, bool] = _unused(True, _NO_TEXTS)
    entity_confidence: str = _unused("rasa", _NO_TEXTS)
    e2e_confidence_threshold: float = _unused(0.5, _NO_TEXTS)
    similarity_type: str = _unused("inner", _FIXED)
    loss_type: str = _unused("cross_entropy", _FIXED)
    constrain_similarities: bool = _unused(False, _FIXED)
    maximum_positive_similarity: float = _unused(0.8, _FIXED)
    maximum_negative_similarity: float = _unused(-0.2, _FIXED)
    use_maximum_negative_similarity: bool = _unused(True, _FIXED)
    negative_margin_scale: float = _unused(0.8, _FIXED)
    model_confidence: str = _unused("softmax", _FIXED)
    renormalize_confidences: bool = _unused(False, _FIXED)

    @property
    def model_similarity(self) -> str:
        """Inner products, whatever `similarity_type` says."""
        return "inner"

    @property
    def full_dialogue(self) -> bool:
        """Never: an example is what came before one step of the user."""
        return False
