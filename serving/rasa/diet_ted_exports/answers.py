"""Tensors of the text signature as Rasa's messages have them. Needs NumPy alone."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

import numpy as np

EXTRACTOR = "DIETClassifier"
"""Rasa's tests know by this name that entities come with confidences."""

Tensors = Mapping[str, np.ndarray]


def ranking(outputs: Tensors, row: int, label: str, key: str) -> List[Dict[str, Any]]:
    """The labels of one text, the most likely first; none of a text without words.

    Args:
        outputs: of the signature.
        row: which text.
        label: what is ranked: `intent` or `response`.
        key: under which Rasa has its name.
    """
    count = int(outputs[f"{label}_counts"][row])
    names = outputs[f"{label}_names"][row, :count]
    confidences = outputs[f"{label}_confidences"][row, :count]
    return [
        {key: name.decode(), "confidence": float(confidence)}
        for name, confidence in zip(names, confidences)
    ]


def entities(outputs: Tensors, row: int) -> List[Dict[str, Any]]:
    """The entities of one text, in its order.

    Values are synonyms' already, if the export knows some; `processors` is left to Rasa's own
    `EntitySynonymMapper`, which may follow.
    """
    count = int(outputs["entity_counts"][row])
    columns = {
        name[len("entity_") :]: values[row, :count]
        for name, values in outputs.items()
        if name.startswith("entity_") and name != "entity_counts"
    }
    return [_entity({name: column[at] for name, column in columns.items()}) for at in range(count)]


def _entity(values: Mapping[str, Any]) -> Dict[str, Any]:
    entity = {
        "entity": values["types"].decode(),
        "start": int(values["starts"]),
        "end": int(values["ends"]),
        "confidence_entity": float(values["confidences"]),
    }
    for part in ("role", "group"):
        name = values[f"{part}s"].decode()
        if name:
            entity[part] = name
            entity[f"confidence_{part}"] = float(values[f"{part}_confidences"])
    entity["value"] = values["values"].decode()
    entity["extractor"] = EXTRACTOR
    return entity
