"""In which order tests are run."""

from __future__ import annotations

from pathlib import Path

import pytest

WORLD = Path(__file__).parent / "world"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First those that start processes of their own: their files take longest, and in the end no
    process of the tests is to be busy with one while the others have nothing to do. Then those that
    need least, file by file: what trains in a process leaves graphs behind, among which the tests
    after it are slower.
    """

    def place(item: pytest.Item) -> int:
        if WORLD in item.path.parents:
            return 0
        return 2 if "trainer" in item.path.relative_to(WORLD.parent).parts else 1

    items.sort(key=place)
