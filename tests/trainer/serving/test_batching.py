"""Questions that arrive together are answered as one batch, and each gets its own answer."""

from __future__ import annotations

import asyncio
import threading

import pytest

from trainer.serving.batching import Batcher
from trainer.serving.limits import Limits
from trainer.serving.refused import Refused


class Doubling:
    """A model that doubles numbers, when it is allowed to."""

    def __init__(self, *, wait: bool = False):
        self.batches: list[list[int]] = []
        self.may_answer = threading.Event()
        if not wait:
            self.may_answer.set()

    def __call__(self, numbers):
        assert self.may_answer.wait(10)
        self.batches.append(list(numbers))
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * number for number in numbers]


def answered(model, questions, limits=None, size=lambda question: 1):
    """What is answered, or raised, when all are asked at once."""

    async def ask():
        batcher = Batcher(model, size, limits or Limits(), lambda number: None)
        running = asyncio.create_task(batcher.run())
        asked = [asyncio.create_task(batcher.ask(question)) for question in questions]
        await asyncio.sleep(0.01)
        model.may_answer.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        batcher.close()
        await asyncio.wait_for(running, 5)
        return answers

    return asyncio.run(ask())


def test_what_arrives_together_is_one_batch():
    model = Doubling()
    assert answered(model, range(5)) == [0, 2, 4, 6, 8]
    assert model.batches == [[0, 1, 2, 3, 4]]


def test_what_arrives_while_the_model_is_busy_is_the_next_batch():
    async def ask(model):
        batcher = Batcher(model, lambda q: 1, Limits(batch_wait_seconds=0), lambda n: None)
        running = asyncio.create_task(batcher.run())
        first = asyncio.create_task(batcher.ask(1))
        await asyncio.sleep(0.05)
        others = [asyncio.create_task(batcher.ask(number)) for number in (2, 3)]
        await asyncio.sleep(0.01)
        assert batcher.waiting == 2
        model.may_answer.set()
        answers = await asyncio.gather(first, *others)
        batcher.close()
        await running
        return answers

    model = Doubling(wait=True)
    assert asyncio.run(ask(model)) == [2, 4, 6]
    assert model.batches == [[1], [2, 3]]


def test_a_batch_has_a_largest_size():
    model = Doubling()
    assert answered(model, range(5), Limits(batch=2)) == [0, 2, 4, 6, 8]
    assert model.batches == [[0, 1], [2, 3], [4]]


def test_large_questions_are_asked_in_smaller_batches():
    model = Doubling()
    assert answered(model, [1, 2, 3, 20_000, 4], size=lambda question: 6000 * question)
    assert model.batches == [[1], [2], [3], [20_000], [4]]
    model = Doubling()
    assert answered(model, [1, 2, 3], size=lambda question: 5000)
    assert model.batches == [[1, 2, 3]]


def test_a_question_that_fails_does_not_spoil_the_others():
    answers = answered(Doubling(), [1, 13, 3])
    assert answers[0] == 2 and answers[2] == 6
    assert isinstance(answers[1], ValueError)


def test_too_many_that_wait_are_refused():
    answers = answered(Doubling(wait=True), range(5), Limits(waiting=3))
    assert answers[:3] == [0, 2, 4]
    assert all(isinstance(answer, Refused) and answer.status == 503 for answer in answers[3:])


def test_an_answer_that_takes_too_long_is_not_waited_for():
    async def ask():
        model = Doubling(wait=True)
        limits = Limits(seconds=0.05, batch_wait_seconds=0)
        batcher = Batcher(model, lambda question: 1, limits, lambda number: None)
        running = asyncio.create_task(batcher.run())
        busy = asyncio.create_task(batcher.ask(1))
        await asyncio.sleep(0.01)
        with pytest.raises(Refused) as refused:
            await batcher.ask(2)
        assert refused.value.status == 504
        await asyncio.gather(busy, return_exceptions=True)
        model.may_answer.set()
        batcher.close()
        await running
        return model.batches

    # Nobody waits for the second one any more: it is not asked.
    assert asyncio.run(ask()) == [[1]]


def test_closing_answers_what_was_taken_and_takes_no_more():
    async def ask():
        model = Doubling(wait=True)
        batcher = Batcher(model, lambda q: 1, Limits(batch=2), lambda number: None)
        running = asyncio.create_task(batcher.run())
        asked = [asyncio.create_task(batcher.ask(number)) for number in range(5)]
        await asyncio.sleep(0.01)
        batcher.close()
        with pytest.raises(Refused):
            await batcher.ask(9)
        model.may_answer.set()
        answers = await asyncio.gather(*asked)
        await asyncio.wait_for(running, 5)
        return answers

    assert asyncio.run(ask()) == [0, 2, 4, 6, 8]
