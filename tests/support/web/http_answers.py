"""What the tests of serving ask, and how they compare what is answered."""

from __future__ import annotations

from typing import Any

import pytest

GREETING = [
    {"event": "action", "name": "action_listen"},
    {
        "event": "user",
        "text": "hello you",
        "parse_data": {"intent": {"name": "greet", "confidence": 0.9}, "entities": []},
    },
]


def close_to(answer: Any, expected: Any) -> bool:
    """Equal but for the last bits: texts of a batch are padded, and so summed, otherwise."""
    if isinstance(expected, dict):
        return answer.keys() == expected.keys() and all(
            close_to(answer[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return len(answer) == len(expected) and all(map(close_to, answer, expected))
    return answer == (
        pytest.approx(expected, abs=1e-5) if isinstance(expected, float) else expected
    )
