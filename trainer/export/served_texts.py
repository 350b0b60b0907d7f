"""What an exported DIET or response selector offers, and how that is checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from data_pipeline.messages.fitted_pipeline import FittedPipeline
from data_pipeline.text_graph.entities.decoding import DecodeEntities
from data_pipeline.text_graph.strings.not_in_graph import NotInGraph, RegexesNotInGraph
from data_pipeline.text_graph.text_features import TextFeatures
from trainer.diet.trained import TrainedDIET
from trainer.export.elsewhere import Question, Tensors
from trainer.export.label_ranking import RankLabels
from trainer.export.message_answers import message_answers, response_rankings
from trainer.export.served_model import (
    DEFAULT,
    FEATURES,
    ServedModel,
    Signature,
    features_signature,
)
from trainer.export.text_checks import (
    answer_difference,
    features_check,
    ranking_difference,
    text_check,
    text_with_other_features,
    texts_to_ask,
    texts_to_try,
)
from trainer.export.text_signature import TEXT_SPEC, AnswerTexts
from trainer.export.verify import Check
from trainer.response_selector.trained import PROPERTY, TrainedResponseSelector

logger = logging.getLogger(__name__)

Differences = Iterator[tuple[str, float]]


@dataclass(frozen=True)
class _Texts:
    """A model that is asked texts.

    Attributes:
        in_graph: given its features in the graph, what answers there.
        differences: given texts, and what came out for them, yields what differs and by how much.
    """

    model: keras.Model
    pipeline: FittedPipeline
    in_graph: Callable[[TextFeatures], AnswerTexts]
    differences: Callable[[Sequence[str], Tensors], Differences]


def served_diet(
    run: TrainedDIET, sources: Sequence[Path], *, leave_out_regexes: bool
) -> tuple[ServedModel, list[Check]]:
    """Its signatures: `features`, and if the pipeline can be in a graph, raw text by default.

    The features that the graph makes are compared with Python's, over the training texts if these
    are still where they were.
    """
    run = run.without_extractors()  # look-ups are not in the graph
    model, pipeline, options = run.model, run.pipeline, run.config.diet

    def in_graph(features: TextFeatures) -> AnswerTexts:
        ranking = RankLabels("intent", pipeline.labels, options)
        decode = DecodeEntities(
            pipeline.tags,
            features.lower,
            split_by_comma=options.split_entities_by_comma,
            synonyms=pipeline.synonyms.synonyms if run.config.maps_synonyms else {},
        )
        return AnswerTexts(
            model,
            features,
            {"intent_confidences": ranking} if model.learns_intents else {},
            heads=model.heads,
            decode=decode if model.heads else None,
        )

    def differences(texts: Sequence[str], outputs: Tensors) -> Differences:
        pairs = zip(run.answer(texts), message_answers(texts, outputs), strict=True)
        for expected, found in pairs:
            yield f"{expected['text']!r}", answer_difference(expected, found)

    texts = _Texts(model, pipeline, in_graph, differences)
    return _served(texts, sources, leave_out_regexes)


def served_selector(
    run: TrainedResponseSelector, sources: Sequence[Path], *, leave_out_regexes: bool
) -> tuple[ServedModel, list[Check]]:
    """The same of a response selector: `responses.json` holds what its keys stand for."""
    fitted = run.fitted

    def in_graph(features: TextFeatures) -> AnswerTexts:
        keys = [fitted.responses.key_of(label) for label in fitted.labels]
        ranking = RankLabels("response", keys, run.config.response_selector)
        return AnswerTexts(run.model, features, {"response_confidences": ranking})

    def differences(texts: Sequence[str], outputs: Tensors) -> Differences:
        pairs = zip(run.answer(texts), response_rankings(outputs), strict=True)
        for answer, found in pairs:
            expected: list[dict[str, Any]] = answer[PROPERTY][run.selector]["ranking"]
            name = "intent_response_key"
            yield f"{answer['text']!r}", ranking_difference(expected, found, name)

    texts = _Texts(run.model, fitted.pipeline, in_graph, differences)
    return _served(texts, sources, leave_out_regexes)


def _served(
    served: _Texts, sources: Sequence[Path], leave_out_regexes: bool
) -> tuple[ServedModel, list[Check]]:
    model, pipeline = served.model, served.pipeline
    kind, texts = texts_to_try(sources, pipeline)
    signatures = {FEATURES: features_signature(model)}
    tables: tuple[AnswerTexts, ...] = ()
    try:
        features = TextFeatures(pipeline, leave_out_regexes=leave_out_regexes)
        missing = [f"Left out, as if it never matched: {regex}" for regex in features.left_out]
        if not missing:
            _check_features(pipeline, features, texts)
        tables = (served.in_graph(features),)
        signatures[DEFAULT] = Signature(tables[0], TEXT_SPEC)
    except NotInGraph as reason:
        missing = [_takes_no_text(reason)]
    for sentence in missing:
        logger.warning("%s", sentence)
    asked = texts_to_ask(texts)
    checks = [features_check(model, pipeline, kind, asked)]
    if tables and not missing:
        checks.append(text_check(kind, asked, served.differences))
    example = Question(DEFAULT, {"text": np.array([b"hello"], object)}) if tables else None
    return ServedModel(model, signatures, tables, tuple(missing), example), checks


def _check_features(pipeline: FittedPipeline, features: TextFeatures, texts: Sequence[str]) -> None:
    text = text_with_other_features(pipeline, features, texts)
    if text is not None:
        raise NotInGraph(f"{text!r} has other features in the graph than in Python (please report)")


def _takes_no_text(reason: NotInGraph) -> str:
    advice = (
        "--allow-missing-features exports it as if these never matched."
        if isinstance(reason, RegexesNotInGraph)
        else "Give it the tensors of the signature `features`."
    )
    return f"It takes no raw text: {reason}. {advice}"
