"""Which responses the NLU examples ask for: counts of keys such as `faq/ask_hours`."""

from __future__ import annotations

import mmap
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from data_pipeline.rasa_files.nlu_files import find_nlu_files, iter_nlu_files
from data_pipeline.rasa_files.training_items import Message

# In YAML, Markdown or JSON. What only looks like it costs time, no more.
RETRIEVAL_INTENT = re.compile(rb"""intent["']?\s*:\s*["']?[^\n/]+/""")


def count_response_keys(paths: Iterable[str | Path]) -> Counter[str | None]:
    """How many examples ask for each response; None = for none of them.

    Empty without a single one, which is found out without reading the examples.

    Raises:
        InputError: there is no NLU data, or a file is not shaped like it.
    """
    files = find_nlu_files(paths)
    if not any(map(_may_hold_some, files)):
        return Counter()
    return Counter(
        item.response_key
        for item in iter_nlu_files(files)
        if isinstance(item, Message) and item.intent
    )


def _may_hold_some(path: Path) -> bool:
    if path.stat().st_size == 0:
        return False
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return RETRIEVAL_INTENT.search(content) is not None
