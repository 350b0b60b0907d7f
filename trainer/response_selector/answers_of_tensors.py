"""Tensors of the text signature as rankings of responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from trainer.messages.padded_lists import rows_of


def response_rankings(outputs: Mapping[str, np.ndarray]) -> Iterator[list[dict[str, Any]]]:
    """For each text, the `ranking` that a response selector's answer has."""
    for row in range(len(outputs["response_counts"])):
        of_text = {name: values[row] for name, values in outputs.items()}
        yield [
            {"confidence": float(confidence), "intent_response_key": key.decode()}
            for key, confidence in rows_of(of_text, "response", "names", "confidences")
        ]
