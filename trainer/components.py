"""What happens here to each component of Rasa, and what is lost with those that do nothing.

`docs/components.md` is written from these tables (`scripts/make_components_doc.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from enum import Enum

from data_pipeline.featurizers.component_names import is_custom
from trainer.models import MODELS

logger = logging.getLogger(__name__)


class Effect(Enum):
    """What happens to a component; the value says it to the user."""

    TRAINED = "trained"
    FEATURES = "used: it makes what the models see"
    ANSWERS = "used when a trained model answers"
    FEATURES_LOST = "left out: the models see less than in Rasa"
    ANSWERS_ELSEWHERE = "left out: it only answers, and goes on doing so in Rasa"
    NOT_KNOWN = "left out: not a component of Rasa"


EFFECTS: dict[str, tuple[Effect, str]] = {
    **{kind.component: (Effect.TRAINED, f"as `{kind.model}`") for kind in MODELS},
    "WhitespaceTokenizer": (Effect.FEATURES, ""),
    "JiebaTokenizer": (Effect.FEATURES, "needs the extra `jieba`"),
    "SpacyNLP": (Effect.FEATURES, "needs the extra `spacy` and the model's package"),
    "SpacyTokenizer": (Effect.FEATURES, "needs the extra `spacy`"),
    "SpacyFeaturizer": (Effect.FEATURES, "needs the extra `spacy`"),
    "LanguageModelFeaturizer": (Effect.FEATURES, "needs the extra `language-models`"),
    "CountVectorsFeaturizer": (Effect.FEATURES, ""),
    "LexicalSyntacticFeaturizer": (Effect.FEATURES, ""),
    "RegexFeaturizer": (Effect.FEATURES, ""),
    "ConveRTFeaturizer": (
        Effect.FEATURES_LOST,
        "its weights were withdrawn by their owner; LanguageModelFeaturizer takes its place",
    ),
    "MitieNLP": (Effect.FEATURES_LOST, "MITIE is not supported; use spaCy or a language model"),
    "MitieTokenizer": (Effect.FEATURES_LOST, "use WhitespaceTokenizer or SpacyTokenizer"),
    "MitieFeaturizer": (Effect.FEATURES_LOST, "use SpacyFeaturizer or LanguageModelFeaturizer"),
    "EntitySynonymMapper": (Effect.ANSWERS, "entities of DIET get their synonym's value"),
    "RegexEntityExtractor": (Effect.ANSWERS, "a look-up beside DIET; not in exported models"),
    "CRFEntityExtractor": (Effect.ANSWERS_ELSEWHERE, "DIETClassifier learns entities, too"),
    "DucklingEntityExtractor": (Effect.ANSWERS_ELSEWHERE, "asks a server; nothing to train"),
    "SpacyEntityExtractor": (Effect.ANSWERS_ELSEWHERE, "spaCy's own model; nothing to train"),
    "MitieEntityExtractor": (Effect.ANSWERS_ELSEWHERE, "DIETClassifier learns entities, too"),
    "MitieIntentClassifier": (Effect.ANSWERS_ELSEWHERE, "DIETClassifier learns intents"),
    "KeywordIntentClassifier": (Effect.ANSWERS_ELSEWHERE, "a look-up of whole messages"),
    "SklearnIntentClassifier": (Effect.ANSWERS_ELSEWHERE, "DIETClassifier learns intents"),
    "LogisticRegressionClassifier": (Effect.ANSWERS_ELSEWHERE, "DIETClassifier learns intents"),
    "FallbackClassifier": (Effect.ANSWERS_ELSEWHERE, "a threshold on DIET's confidences"),
    "RegexMessageHandler": (Effect.ANSWERS_ELSEWHERE, "`predict` reads `/intent` by itself"),
    "MemoizationPolicy": (Effect.ANSWERS_ELSEWHERE, "remembers stories; nothing to train"),
    "AugmentedMemoizationPolicy": (Effect.ANSWERS_ELSEWHERE, "remembers stories"),
    "RulePolicy": (Effect.ANSWERS_ELSEWHERE, "follows rules; nothing to train"),
}
"""Every component of Rasa 3.6.21 -> what happens to it, and a remark."""


def effect_of(name: str) -> tuple[Effect, str]:
    """What happens to the component of this name, and a remark that may be empty."""
    return EFFECTS.get(name, (Effect.NOT_KNOWN, "what it does to texts is not done here"))


def component_table(names: Sequence[str]) -> str:
    """A line per component: what happens to it, and a remark."""
    width = max(map(len, names), default=0)
    lines = []
    for name in names:
        effect, remark = effect_of(name)
        lines.append(f"{name.ljust(width)}  {effect.value}{f' ({remark})' if remark else ''}")
    return "\n".join(lines)


def report_left_out(pipeline: Sequence[str], policies: Sequence[str]) -> None:
    """Tell the user what the components that are not used cost, group by group.

    What models learn from is a warning, what only answers is a note.

    Args:
        pipeline: what of it makes no features.
        policies: all of them.
    """
    lost = [name for name in pipeline if effect_of(name)[0] is Effect.FEATURES_LOST]
    for name in dict.fromkeys(lost):
        logger.warning(
            "%s is left out, and DIET and TED see less than in Rasa: %s.", name, effect_of(name)[1]
        )
    for name in dict.fromkeys(name for name in pipeline if _is_unknown(name)):
        logger.warning(
            "%s is left out: it is not a component of Rasa. If it changes texts before they reach "
            "DIET (a spell checker, say), train on texts that are changed alike.",
            name,
        )
    if elsewhere := [*answering_elsewhere(pipeline), *answering_elsewhere(policies)]:
        logger.info("Not trained here, since they only answer: %s.", ", ".join(elsewhere))


def answering_elsewhere(names: Sequence[str]) -> list[str]:
    """Those of the components that answer in Rasa and not here, each once, in order."""
    found = (name for name in names if effect_of(name)[0] is Effect.ANSWERS_ELSEWHERE)
    return list(dict.fromkeys(found))


def _is_unknown(name: str) -> bool:
    return is_custom(name) or effect_of(name)[0] is Effect.NOT_KNOWN
