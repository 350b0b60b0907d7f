"""Those who ask: customers, who want answers; and strangers, who are to be turned away."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from load.exchange import Address, Answer, ask_once, read_answer, request

PARSE, PREDICT = "/model/parse", "/model/predict"
LISTEN = {"event": "action", "name": "action_listen"}
LOST, WRONG, NO_ANSWER = "lost", "wrong", "closed without an answer"
STRANGERS_PAUSE_SECONDS = 0.2


@dataclass
class Crowd:
    """Many clients of whichever server answers now, and what came of their requests.

    Attributes:
        address: of the server that is asked now.
        texts: what is asked.
        dialogues: whether what follows a dialogue is asked, too.
        over: whether it is time to stop.
        customers: how often a request of a customer ended so: a status, `LOST`, `WRONG`.
        strangers: the same by kind of stranger.
        seconds: how long each answer to a customer took.
    """

    address: Address
    texts: Sequence[str]
    dialogues: bool
    over: bool = False
    customers: Counter[object] = field(default_factory=Counter)
    strangers: dict[str, Counter[object]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    async def customer(self, number: int) -> None:
        """Asks again and again, on one connection as long as the server keeps it."""
        generator = random.Random(number)
        while not self.over:
            try:
                reader, writer = await asyncio.open_connection(*self.address)
            except OSError:  # nothing was asked
                self.customers["not connected"] += 1
                await asyncio.sleep(0.1)
                continue
            try:
                while not self.over and not (await self._served(reader, writer, generator)).closes:
                    pass
            except (OSError, asyncio.IncompleteReadError):
                self.customers[LOST] += 1
            writer.close()

    async def _served(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        generator: random.Random,
    ) -> Answer:
        text = generator.choice(self.texts)
        asks_dialogue = self.dialogues and generator.random() < 0.25
        begun = time.monotonic()
        writer.write(_about_dialogue(text) if asks_dialogue else _about_message(text))
        answer = await read_answer(reader)
        self.seconds.append(time.monotonic() - begun)
        right = answer.status != 200 or _is_of(text, answer.body)
        self.customers[answer.status if right else WRONG] += 1
        return answer

    async def stranger(self, kind: str) -> None:
        """Comes again and again in the way of its kind."""
        counts = self.strangers.setdefault(kind, Counter())
        generator = random.Random(kind)
        while not self.over:
            try:
                counts[await STRANGERS[kind](self.address, generator)] += 1
            except (OSError, asyncio.IncompleteReadError):
                counts[NO_ANSWER] += 1
            await asyncio.sleep(STRANGERS_PAUSE_SECONDS)


def _about_message(text: str) -> bytes:
    return request("POST", PARSE, json.dumps({"text": text}).encode())


def _about_dialogue(text: str) -> bytes:
    said = {"event": "user", "text": text, "parse_data": {"intent": {"name": None}}}
    return request("POST", PREDICT, json.dumps([LISTEN, said]).encode())


def _is_of(text: str, body: bytes) -> bool:
    """Whether an answer is the one to this text."""
    answer = json.loads(body)
    told = answer if "text" in answer else answer["tracker"]["events"][-1]
    return bool(told["text"] == text)


async def _malformed(address: Address, generator: random.Random) -> object:
    body = generator.choice([generator.randbytes(40), b"{", b"[1]", b'{"text": 3}', b""])
    return (await ask_once(address, request("POST", PARSE, body))).status


async def _oversized(address: Address, generator: random.Random) -> object:
    return (await ask_once(address, request("POST", PARSE, b"x" * 4096, announced=1 << 30))).status


async def _slow_body(address: Address, generator: random.Random) -> object:
    return (await ask_once(address, request("POST", PARSE, b"{", announced=100))).status


async def _slow_head(address: Address, generator: random.Random) -> object:
    return (await ask_once(address, b"POST /model/parse HTTP/1.1\r\nhost: ")).status


async def _hasty(address: Address, generator: random.Random) -> object:
    """Goes before it is answered."""
    _, writer = await asyncio.open_connection(*address)
    writer.write(_about_message("two large pizzas"))
    await writer.drain()
    writer.close()
    return "gone"


STRANGERS: dict[str, Callable] = {
    "malformed body": _malformed,
    "body of 1 GiB": _oversized,
    "body that does not come": _slow_body,
    "head that does not end": _slow_head,
    "gone before the answer": _hasty,
}
