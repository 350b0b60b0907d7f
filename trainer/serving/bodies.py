"""Bodies of requests: read within limits, and looked into carefully."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect, Request

from trainer.serving.limits import Limits
from trainer.serving.refused import Refused

NO_MESSAGE = (
    "No text message defined in request_body. Add text message to request body in order to obtain "
    "the intent and extracted entities."
)


async def read_json(request: Request, limits: Limits) -> Any:
    """The body; None if it is empty.

    Raises:
        Refused: it is too large, comes too slowly, or is not JSON.
    """
    try:
        body = await asyncio.wait_for(_read(request, limits.body_bytes), limits.seconds)
    except asyncio.TimeoutError:
        raise Refused(
            HTTPStatus.REQUEST_TIMEOUT,
            f"The request's body was not there within {limits.seconds:g} seconds.",
        ) from None
    except ClientDisconnect:
        raise Refused(HTTPStatus.BAD_REQUEST, "The request ended before its body.") from None
    if not body.strip():
        return None
    try:
        value = json.loads(body)
        if rb"\ud" in body.lower():  # half a character, which JSON can say but UTF-8 cannot
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise Refused(
            HTTPStatus.BAD_REQUEST, f"The request's body is not JSON in UTF-8: {reason}."
        ) from None


async def _read(request: Request, most: int) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise _too_large(most)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def _too_large(most: int) -> Refused:
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The request's body has more than {most} bytes (--max-body).",
    )


def text_of(item: Any, limits: Limits) -> str:
    """The text to parse, of a request as Rasa sends it.

    Raises:
        Refused: there is none, or it is too long.
    """
    text = item.get("text") if isinstance(item, dict) else None
    if text is None:
        raise Refused(HTTPStatus.BAD_REQUEST, NO_MESSAGE)
    if not isinstance(text, str):
        raise Refused(HTTPStatus.BAD_REQUEST, f"'text' is not a string: {str(text)[:60]}.")
    if len(text) > limits.text_characters:
        raise Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The text has {len(text)} characters; {limits.text_characters} are taken "
            "(--max-text).",
        )
    return text


def texts_of(body: Any, limits: Limits) -> list[str]:
    """The texts of one message, or of a list of messages.

    Raises:
        Refused: there is none, there are too many, or one is none.
    """
    items = body if isinstance(body, list) else [body]
    if not items:
        raise Refused(HTTPStatus.BAD_REQUEST, NO_MESSAGE)
    if len(items) > limits.messages:
        raise Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{len(items)} messages in a request; {limits.messages} are taken (--max-messages).",
        )
    return [text_of(item, limits) for item in items]
