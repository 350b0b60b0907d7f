"""In which order tests are run."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
LONG = (HERE / "world", HERE / "trainer")
"""Rooms whose files take longest: several processes, then whole trainings. They come first, so that
in the end no process of the tests is busy with a long file while the others have nothing to do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((n for n, room in enumerate(LONG) if room in item.path.parents), len(LONG))

    items.sort(key=place)
