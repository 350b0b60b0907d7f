"""What Rasa made of texts with pretrained models, and packages that may be missing."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


def needs(*packages: str) -> pytest.MarkDecorator:
    """Skips, visibly, where one of the packages is not installed."""
    missing = [package for package in packages if find_spec(package) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def golden(name: str) -> dict[str, Any]:
    """A file that `scripts/make_pretrained_golden.py` left."""
    return json.loads((GOLDEN / f"pretrained_{name}.json").read_text(encoding="utf-8"))
