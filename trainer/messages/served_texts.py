"""What an exported model of messages offers, and how that is checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from data_pipeline.messages.fitted_pipeline import FittedPipeline
from data_pipeline.text_graph.strings.not_in_graph import NotInGraph, RegexesNotInGraph
from data_pipeline.text_graph.text_features import TextFeatures
from trainer.messages.text_checks import (
    features_check,
    text_check,
    text_with_other_features,
    texts_to_ask,
    texts_to_try,
)
from trainer.messages.text_signature import TEXT_SPEC, AnswerTexts
from trainer.signatures.elsewhere import Question, Tensors
from trainer.signatures.served_model import (
    DEFAULT,
    FEATURES,
    ServedModel,
    Signature,
    features_signature,
)

logger = logging.getLogger(__name__)

Differences = Iterator[tuple[str, float]]


@dataclass(frozen=True)
class AskedTexts:
    """A model that is asked texts.

    Attributes:
        in_graph: given its features in the graph, what answers there.
        differences: given texts, and what came out for them, yields what differs and by how much.
    """

    model: keras.Model
    pipeline: FittedPipeline
    in_graph: Callable[[TextFeatures], AnswerTexts]
    differences: Callable[[Sequence[str], Tensors], Differences]


def served_texts(
    asked: AskedTexts, sources: Sequence[Path], *, leave_out_regexes: bool
) -> ServedModel:
    """Its signatures: `features`, and if the pipeline can be in a graph, raw text by default.

    The features that the graph makes are compared with Python's, over the training texts if these
    are still where they were.

    Args:
        sources: the training files and folders.
        leave_out_regexes: whether to do without regexes that have no form in the graph.
    """
    model, pipeline = asked.model, asked.pipeline
    kind, texts = texts_to_try(sources, pipeline)
    signatures = {FEATURES: features_signature(model)}
    tables: tuple[AnswerTexts, ...] = ()
    try:
        features = TextFeatures(pipeline, leave_out_regexes=leave_out_regexes)
        missing = [f"Left out, as if it never matched: {regex}" for regex in features.left_out]
        if not missing:
            _check_features(pipeline, features, texts)
        tables = (asked.in_graph(features),)
        signatures[DEFAULT] = Signature(tables[0], TEXT_SPEC)
    except NotInGraph as reason:
        missing = [_takes_no_text(reason)]
    for sentence in missing:
        logger.warning("%s", sentence)
    questions = texts_to_ask(texts)
    checks = [features_check(model, pipeline, kind, questions)]
    if tables and not missing:
        checks.append(text_check(kind, questions, asked.differences))
    example = Question(DEFAULT, {"text": np.array([b"hello"], object)}) if tables else None
    return ServedModel(model, signatures, tables, tuple(missing), example, tuple(checks))


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
