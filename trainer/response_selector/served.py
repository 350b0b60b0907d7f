"""What an exported response selector offers: rankings of responses, by their keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_pipeline.text_graph.text_features import TextFeatures
from trainer.messages.label_ranking import RankLabels
from trainer.messages.served_texts import AskedTexts, Differences, served_texts
from trainer.messages.text_checks import ranking_difference
from trainer.messages.text_signature import AnswerTexts
from trainer.response_selector.answers_of_tensors import response_rankings
from trainer.response_selector.trained import PROPERTY, TrainedResponseSelector
from trainer.signatures.elsewhere import Tensors
from trainer.signatures.served_model import ServedModel


def served_response_selector(
    run: TrainedResponseSelector, sources: Sequence[Path], *, leave_out_regexes: bool
) -> ServedModel:
    """Its signatures; see `served_texts`. `responses.json` holds what its keys stand for."""
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

    asked = AskedTexts(run.model, fitted.pipeline, in_graph, differences)
    return served_texts(asked, sources, leave_out_regexes=leave_out_regexes)
