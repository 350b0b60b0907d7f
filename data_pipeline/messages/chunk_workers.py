"""Runs one function over a stream of chunks, in order, here or in several processes."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import Any

CHUNKS_AHEAD = 2  # per process, so that a slow consumer does not fill memory

_work: Callable[[Any], Any]  # of a worker


def _install(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed can tell nobody; its workers would wait for chunks for ever."""
    parent = parent_process()
    assert parent is not None, "this is a worker"
    parent.join()
    os._exit(1)


def _run(chunk: Any) -> Any:
    return _work(chunk)


def map_chunks(work: Callable[[Any], Any], chunks: Iterable[Any], processes: int) -> Iterator[Any]:
    """`work(chunk)` for every chunk, in order. `work` must be picklable; it is sent once.

    Processes are spawned, not forked: the parent may hold TensorFlow's threads.
    """
    if processes <= 1:
        yield from map(work, chunks)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, context, _install, (work,)) as executor:
        pending: deque = deque()
        for chunk in chunks:
            pending.append(executor.submit(_run, chunk))
            if len(pending) > processes * CHUNKS_AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
