"""Tensors of the text signature as answers in Rasa's form. Needs NumPy alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from data_pipeline.entities.decoding import EXTRACTOR, SynonymMapper


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
            for name, confidence in _rows(of_text, "intent", "names", "confidences")
        ]
        yield {
            "text": text,
            "intent": ranking[0] if ranking else {"name": None, "confidence": 0.0},
            "entities": [_entity(of_text, index) for index in range(_count(of_text, "entity"))],
            "text_tokens": [
                [int(start), int(end)] for start, end in _rows(of_text, "token", "starts", "ends")
            ],
            "intent_ranking": ranking,
        }


def response_rankings(outputs: Mapping[str, np.ndarray]) -> Iterator[list[dict[str, Any]]]:
    """For each text, the `ranking` that a response selector's answer has."""
    for row in range(len(outputs["response_counts"])):
        of_text = {name: values[row] for name, values in outputs.items()}
        yield [
            {"confidence": float(confidence), "intent_response_key": key.decode()}
            for key, confidence in _rows(of_text, "response", "names", "confidences")
        ]


def _count(of_text: Mapping[str, Any], kind: str) -> int:
    return int(of_text.get(f"{kind}_counts", 0))


def _rows(of_text: Mapping[str, Any], kind: str, *names: str) -> list[tuple[Any, ...]]:
    count = _count(of_text, kind)
    if not count:
        return []
    return list(zip(*(of_text[f"{kind}_{name}"][:count] for name in names), strict=True))


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
    entity |= {"value": values["values"].decode(), "extractor": EXTRACTOR}
    if values["is_synonym"]:
        entity["processors"] = [SynonymMapper.name]
    return entity
