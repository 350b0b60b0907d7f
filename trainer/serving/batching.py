"""Questions that arrive together are answered as one batch."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Generic, TypeVar

from trainer.serving.limits import PADDED_SIZE, Limits
from trainer.serving.refused import Refused

Q = TypeVar("Q")
A = TypeVar("A")
logger = logging.getLogger(__name__)


@dataclass
class _Asked(Generic[Q, A]):
    question: Q
    size: int
    answer: asyncio.Future[A] = field(default_factory=lambda: _future())


class Batcher(Generic[Q, A]):
    """Collects questions while the model is busy, and asks it for all of them when it is free.

    `ask` and `close` belong to the event loop in which `run` runs; the model is asked in a thread.

    Args:
        model: questions -> as many answers.
        size: of a question, see `PADDED_SIZE`.
        limits: how many are asked at once, and how many may wait.
        counted: told how many there are in each batch.
    """

    def __init__(
        self,
        model: Callable[[Sequence[Q]], Sequence[A]],
        size: Callable[[Q], int],
        limits: Limits,
        counted: Callable[[int], object],
    ) -> None:
        self._model = model
        self._size = size
        self._limits = limits
        self._counted = counted
        self._waiting: deque[_Asked[Q, A]] = deque()
        self._arrived = asyncio.Event()
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1)

    @property
    def waiting(self) -> int:
        """How many questions no batch has taken yet."""
        return len(self._waiting)

    async def ask(self, question: Q) -> A:
        """The model's answer.

        Raises:
            Refused: too many wait already, or it took too long.
        """
        return (await self.ask_all([question]))[0]

    async def ask_all(self, questions: Sequence[Q]) -> list[A]:
        """The same for several: all are taken, or none."""
        if self._closed:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "The server is stopping. Ask another.")
        if self.waiting + len(questions) > max(self._limits.waiting, len(questions)):
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self.waiting} questions are waiting already. Ask again later.",
            )
        asked = [_Asked[Q, A](question, self._size(question)) for question in questions]
        self._waiting.extend(asked)
        self._arrived.set()
        answers = asyncio.gather(*(one.answer for one in asked))
        try:
            return await asyncio.wait_for(answers, self._limits.seconds)
        except asyncio.TimeoutError:
            raise Refused(
                HTTPStatus.GATEWAY_TIMEOUT,
                f"There was no answer within {self._limits.seconds:g} seconds. Ask again later.",
            ) from None

    async def run(self) -> None:
        """Answer, until it is closed and everything is answered."""
        while not self._closed or self._waiting:
            await self._arrived.wait()
            if 0 < self.waiting < self._limits.batch and not self._closed:
                await asyncio.sleep(self._limits.batch_wait_seconds)
            if batch := self._next_batch():
                self._counted(len(batch))
                await self._answer(batch)
            if not self._waiting and not self._closed:
                self._arrived.clear()
        self._thread.shutdown()

    def close(self) -> None:
        """Take no more questions; `run` ends when those taken are answered."""
        self._closed = True
        self._arrived.set()

    def _next_batch(self) -> list[_Asked[Q, A]]:
        batch: list[_Asked[Q, A]] = []
        largest = 0
        while self._waiting and len(batch) < self._limits.batch:
            largest = max(largest, self._waiting[0].size)
            if batch and largest * (len(batch) + 1) > PADDED_SIZE:
                break
            asked = self._waiting.popleft()
            if not asked.answer.done():  # else nobody waits for it any more
                batch.append(asked)
        return batch

    async def _answer(self, batch: Sequence[_Asked[Q, A]]) -> None:
        questions = [asked.question for asked in batch]
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._thread, self._model, questions)
        except Exception as error:
            if len(batch) == 1:
                _set(batch[0].answer, error)
                return
            logger.warning("A batch failed (%r); its questions are asked one by one.", error)
            for asked in batch:
                await self._answer([asked])
            return
        for asked, answer in zip(batch, answers, strict=True):
            _set(asked.answer, answer)


def _future() -> asyncio.Future:
    return asyncio.get_running_loop().create_future()


def _set(future: asyncio.Future, result: object) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
