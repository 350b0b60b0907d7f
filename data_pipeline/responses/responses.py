"""What the bot can say, by name; and which response a label of the selector stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

UTTER = "utter_"

Variation = dict[str, Any]
"""One way to say it: `text`, `buttons`, `image`, `custom`, ..."""


@dataclass(frozen=True)
class Responses:
    """Responses in the order in which they were read.

    Attributes:
        variations: `utter_faq/ask_hours` -> the ways to say it.
    """

    variations: Mapping[str, tuple[Variation, ...]]

    def text_of(self, key: str) -> str | None:
        """The text that stands for a response key such as `faq/ask_hours`; None without a response.

        It is that of the last variation that has one, and the response's name if none has. Mirrors
        `TrainingData._fill_response_phrases`.
        """
        name = UTTER + key
        variations = self.variations.get(name, ())
        texts = [variation["text"] for variation in variations if variation.get("text")]
        return texts[-1] if texts else (name if variations else None)

    def key_of(self, label: str) -> str:
        """The response key that a label stands for, be it a key or a text.

        Mirrors `ResponseSelector._resolve_intent_response_key`: of several responses with that text
        the first one; what no response has stands for itself.
        """
        for name, variations in self.variations.items():
            if not name.startswith(UTTER):
                continue
            key = name.removeprefix(UTTER)
            if key == label or any(v.get("text", "") == label for v in variations):
                return key
        return label

    def of_key(self, key: str) -> list[Variation]:
        """The ways to say the response of a key; the key itself if there is no such response."""
        return list(self.variations.get(UTTER + key, ())) or [{"text": key}]

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {name: list(variations) for name, variations in self.variations.items()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Iterable[Variation]]) -> Responses:
        """The inverse of `to_json`."""
        return cls({name: tuple(variations) for name, variations in plain.items()})
