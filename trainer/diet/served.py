"""What an exported DIET offers: intents and entities of texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data_pipeline.text_graph.entities.decoding import DecodeEntities
from data_pipeline.text_graph.text_features import TextFeatures
from trainer.diet.answers_of_tensors import message_answers
from trainer.diet.trained import TrainedDIET
from trainer.messages.label_ranking import RankLabels
from trainer.messages.served_texts import AskedTexts, Differences, served_texts
from trainer.messages.text_checks import answer_difference
from trainer.messages.text_signature import AnswerTexts
from trainer.signatures.elsewhere import Tensors
from trainer.signatures.served_model import ServedModel


def served_diet(
    run: TrainedDIET, sources: Sequence[Path], *, leave_out_regexes: bool
) -> ServedModel:
    """Its signatures; see `served_texts`."""
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

    asked = AskedTexts(model, pipeline, in_graph, differences)
    return served_texts(asked, sources, leave_out_regexes=leave_out_regexes)
