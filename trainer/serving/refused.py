"""Requests that are not answered: why, in the form of Rasa's errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any


class Refused(Exception):
    """A request that is not answered.

    Attributes:
        status: of HTTP.
        message: one line for people: what was wrong, what was received, what to do.
    """

    def __init__(self, status: HTTPStatus, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


def error_body(status: int, message: str, version: str) -> dict[str, Any]:
    """What the client is told. Mirrors `rasa.server.ErrorResponse`."""
    return {
        "version": version,
        "status": "failure",
        "message": " ".join(message.split()),
        "reason": HTTPStatus(status).phrase.title().replace(" ", ""),
        "details": {},
        "help": None,
        "code": status,
    }
