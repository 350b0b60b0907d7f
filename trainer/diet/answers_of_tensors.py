"""Tensors of the text signature as answers in Rasa's form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from data_pipeline.entities.decoding import SynonymMapper
from trainer.diet.config import COMPONENT
from trainer.messages.padded_lists import count_of, rows_of


def message_answers(
    texts: Sequence[str], outputs: Mapping[str, np.ndarray]
) -> Iterator[dict[str, Any]]:
    """One answer per text, as `TrainedDIET.answer` gives it.

    Args:
        texts: what was asked.
        outputs: what the signature gave; see `AnswerTexts`.
    """
    for row, text in enumerate(texts):
        of_text = {name: values[row] for name, values in outputs.items()}
        ranking = [
            {"name": name.decode(), "confidence": float(confidence)}
            for name, confidence in rows_of(of_text, "intent", "names", "confidences")
        ]
        yield {
            "text": text,
            "intent": ranking[0] if ranking else {"name": None, "confidence": 0.0},
            "entities": [_entity(of_text, index) for index in range(count_of(of_text, "entity"))],
            "text_tokens": [
                [int(start), int(end)] for start, end in rows_of(of_text, "token", "starts", "ends")
            ],
            "intent_ranking": ranking,
        }


def _entity(of_text: Mapping[str, Any], index: int) -> dict[str, Any]:
    values = {
        name.removeprefix("entity_"): of_text[name][index]
        for name in of_text
        if name.startswith("entity_") and name != "entity_counts"
    }
    entity: dict[str, Any] = {
        "entity": values["types"].decode(),
        "start": int(values["starts"]),
        "end": int(values["ends"]),
        "confidence_entity": float(values["confidences"]),
    }
    for head in ("role", "group"):
        if name := values[f"{head}s"].decode():
            entity[head] = name
            entity[f"confidence_{head}"] = float(values[f"{head}_confidences"])
    entity |= {"value": values["values"].decode(), "extractor": COMPONENT}
    if values["is_synonym"]:
        entity["processors"] = [SynonymMapper.name]
    return entity
