"""Pretrained models that a pipeline needs: which one, and what becomes of it without.

Rasa refuses to train where one is missing. Here it is trained without its features, with a warning
(an error with `--strict`): a model of less is better than none, and the run records what it has.
Without the tokenizer that `config.yml` names there is no training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data_pipeline.errors import MissingResource
from data_pipeline.featurizers.dense.language_model import LanguageModelFeaturizer
from data_pipeline.featurizers.dense.spacy_featurizer import SpacyFeaturizer
from data_pipeline.tokenizers.spacy_model import NAME as SPACY_NLP
from data_pipeline.tokenizers.spacy_model import SpacyModel
from data_pipeline.tokenizers.spacy_tokenizer import SpacyTokenizer
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer

Component = dict[str, Any]

HARM = (
    "DIET and TED see less than in Rasa and know only the words of the training data: expect more "
    "mistakes where users put things in words of their own"
)


def with_spacy_model(
    pipeline: Sequence[Component], language: str
) -> tuple[list[Component], str | None]:
    """The pipeline with a model for a SpacyNLP that has none, as up to Rasa 2: by the language.

    Returns:
        That, and a line for the user if there was such a SpacyNLP.
    """
    names = [component["name"] for component in pipeline]
    lacking = [c for c in pipeline if c["name"] == SPACY_NLP and not c.get("model")]
    if not lacking or SpacyTokenizer.name not in names:
        return list(pipeline), None
    model = f"{language}_core_{'web' if language in ('en', 'zh') else 'news'}_md"
    completed = [{**c, "model": model} if c in lacking else c for c in pipeline]
    return completed, f"{SPACY_NLP} names no model: {model}, as Rasa 2 took for {language!r}."


def without_missing(
    pipeline: Sequence[Component], *, spacy_is_guessed: bool
) -> tuple[list[Component], list[str]]:
    """The pipeline without the featurizers whose pretrained model is not on this machine.

    Weights that are not here are fetched first, if there is a network.

    Args:
        spacy_is_guessed: whether the spaCy model comes of `with_spacy_model`; without it,
            WhitespaceTokenizer takes the place of SpacyTokenizer.

    Returns:
        That, and a warning for each that is missing.

    Raises:
        InputError: a component has wrong options.
    """
    kept, warnings = [], []
    for component in pipeline:
        reason = _why_missing(component)
        if reason is None:
            kept.append(component)
        else:
            warnings.append(f"{component['name']} is left out. {HARM}. {reason}")
    if spacy_is_guessed:
        kept, reason = _without_guessed_spacy(kept)
        if reason is not None:
            warnings.append(
                f"{WhitespaceTokenizer.name} takes the place of {SpacyTokenizer.name}, and "
                f"{SpacyFeaturizer.name} is left out. {HARM}. {reason}"
            )
    return kept, warnings


def _why_missing(component: Component) -> str | None:
    if component["name"] != LanguageModelFeaturizer.name:
        return None
    try:
        LanguageModelFeaturizer(_options(component)).source_files()
    except MissingResource as error:
        return str(error)
    return None


def _without_guessed_spacy(pipeline: Sequence[Component]) -> tuple[list[Component], str | None]:
    """The same pipeline and None if the model is there."""
    nlp = next(component for component in pipeline if component["name"] == SPACY_NLP)
    try:
        SpacyModel.from_options(_options(nlp))
    except MissingResource as error:
        reason = str(error)
    else:
        return list(pipeline), None
    kept = [c for c in pipeline if c["name"] not in (SPACY_NLP, SpacyFeaturizer.name)]
    new = WhitespaceTokenizer.name
    return [{**c, "name": new} if c["name"] == SpacyTokenizer.name else c for c in kept], reason


def _options(component: Component) -> dict[str, Any]:
    return {key: value for key, value in component.items() if key != "name"}
