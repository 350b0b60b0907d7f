#!/usr/bin/env python
"""Which tests show that an option does what it says? Those that carry the marker `shows`.

    @pytest.mark.shows("drop_rate", "ted.max_history")
    def test_...

shows `drop_rate` of all models that have it, and `max_history` of TED alone (`diet.`, `ted.` and
`trainer.` are the kinds of options). What is marked is printed as JSON by

    python scripts/shown_by.py
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MARKER = "shows"


def shown_by() -> dict[str, list[str]]:
    """Of each name in a marker the tests that carry it, as `tests/PATH.py::NAME`.

    The tests are collected by a process of its own, since tests ask for this, too.

    Raises:
        RuntimeError: a file of tests cannot be imported.
    """
    done = subprocess.run([sys.executable, __file__], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pytest cannot collect the tests:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


class _Marked:
    """A plugin of pytest that notes the marked tests."""

    def __init__(self) -> None:
        self.tests: dict[str, list[str]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            path = item.path.relative_to(ROOT).as_posix()
            test = f"{path}::{item.originalname}"
            for option in (name for mark in item.iter_markers(MARKER) for name in mark.args):
                tests = self.tests.setdefault(option, [])
                if test not in tests:
                    tests.append(test)


def main() -> int:
    """Print the table, in one line. Returns pytest's exit code."""
    files = [
        str(path)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if f"mark.{MARKER}(" in path.read_text(encoding="utf-8")
    ]
    marked = _Marked()
    code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *files], [marked])
    print(json.dumps(marked.tests, sort_keys=True))
    return code


if __name__ == "__main__":
    sys.exit(main())
