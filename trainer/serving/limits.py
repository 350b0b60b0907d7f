"""How much a server takes at once, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass

PADDED_SIZE = 16_384
"""Of a batch: its questions times the size of the largest (characters of a text, events of a
dialogue), since that is what it is filled up to. Bounds the memory that a batch needs."""


@dataclass(frozen=True)
class Limits:
    """What one request may be, and how requests become batches.

    Attributes:
        body_bytes: of a request.
        text_characters: of a message.
        dialogue_events: of a dialogue.
        messages: in one request.
        batch: questions that are answered at once.
        batch_wait_seconds: how long the first of a batch waits for others, if the model is free.
        waiting: questions that wait; more are refused.
        seconds: until a body is there, and until an answer is.
        header_seconds: until the head of a request is there.
    """

    body_bytes: int = 1 << 20
    text_characters: int = 4096
    dialogue_events: int = 4096
    messages: int = 128
    batch: int = 32
    batch_wait_seconds: float = 0.001
    waiting: int = 1024
    seconds: float = 30.0
    header_seconds: float = 10.0
