"""HTTP/1.1 as far as a load test needs it: requests and answers on a connection that is kept."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

Address = tuple[str, int]


class Answer(NamedTuple):
    """What a server said; `closes` = it wants no more requests on this connection."""

    status: int
    body: bytes
    closes: bool


def request(method: str, path: str, body: bytes = b"", *, announced: int | None = None) -> bytes:
    """A request; `announced` bytes of a body are said to follow, else as many as do."""
    size = len(body) if announced is None else announced
    return (
        f"{method} {path} HTTP/1.1\r\nhost: here\r\ncontent-length: {size}\r\n\r\n".encode() + body
    )


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """The next answer.

    Raises:
        asyncio.IncompleteReadError, OSError: the connection ended before it.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(fields.get("content-length", "0")))
    return Answer(int(head[0].split()[1]), body, fields.get("connection") == "close")


async def ask_once(address: Address, question: bytes) -> Answer:
    """The answer to a request on a connection of its own."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(question)
        return await read_answer(reader)
    finally:
        writer.close()
