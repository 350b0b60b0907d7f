#!/usr/bin/env python
"""Writes docs/options.md: every option, its default, its meaning, and the tests that show it.

    python scripts/make_options_doc.py

Names, defaults, meanings and what is done come from the code, and the tests say themselves what
they show (`shown_by.py`). A test (`tests/test_options_doc.py`) fails when an option has no test, or
the file is stale.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import fields
from typing import Any

import yaml
from shown_by import ROOT, shown_by

from model.options.fields import OURS
from model.options.rasa_names import RETIRED
from trainer.config.options import TrainerOptions
from trainer.models import MODELS

DOCUMENT = ROOT / "docs" / "options.md"
OPTIONS = {**{kind.model: kind.options for kind in MODELS}, "trainer": TrainerOptions}

HEAD = """\
# Options

Written by `scripts/make_options_doc.py` from the code; `tests/test_options_doc.py` fails when it is
stale. *Shown by* names the tests that would fail if the option did not do what it says.

Rasa's names, defaults and meanings; maps are merged with their defaults key by key. Unknown options
are refused with "did you mean".
"""


def render(shown: dict[str, list[str]]) -> str:
    """The document.

    Args:
        shown: What `shown_by` finds.
    """
    known = {field.name for kind in MODELS for field in fields(kind.options)}
    renamed = [
        f"| `{old}` | `{new}`{' (1 minus the value)' if old == 'weight_sparsity' else ''} |"
        for old, new in RETIRED.items()
        if new.partition(".")[0] in known
    ]
    parts = [HEAD]
    for kind in MODELS:
        parts += [f"\n## Of `{kind.component}`, in `config.yml`\n", *_table(kind.model, shown)]
    parts += [
        "\n## Renamed\n",
        "Names of Rasa 1 and 2 are translated, with a notice in the log",
        f"({', '.join(map(_link, shown['renamed']))}).\n",
        "| earlier | now |\n|---|---|",
        *renamed,
        "| `loss_type: softmax` | `loss_type: cross_entropy` |",
        "\n## Ours, in `trainer.yml`, by `--set` or by flags\n",
        *_table("trainer", shown),
    ]
    return "\n".join(parts) + "\n"


def tests_of(kind: str, option: str, shown: dict[str, list[str]]) -> list[str]:
    """The tests that show an option of this kind."""
    return sorted({*shown.get(f"{kind}.{option}", ()), *shown.get(option, ())})


def _table(kind: str, shown: dict[str, list[str]]) -> list[str]:
    options = OPTIONS[kind]
    what = meanings(options)
    lines = ["| option | default | what it does | here | shown by |", "|---|---|---|---|---|"]
    for field in fields(options):
        cells = (
            f"`{field.name}`",
            f"`{_default(field)}`",
            what[field.name],
            field.metadata.get("state", OURS),
            ", ".join(map(_link, tests_of(kind, field.name, shown))),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _default(field: dataclasses.Field) -> str:
    made = field.default_factory is not dataclasses.MISSING
    value: Any = field.default_factory() if made else field.default
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000)
    return text.removesuffix("...\n").strip().replace("null", "empty")


def meanings(options: type) -> dict[str, str]:
    """What each option does, in its metadata or in the docstring of the class."""
    section = inspect.getdoc(options).partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    described = {name: " ".join(text.split()).removesuffix(".") for name, text in entries}
    for field in dataclasses.fields(options):
        described.setdefault(field.name, field.metadata.get("meaning", ""))
    return described


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{path})"


if __name__ == "__main__":
    DOCUMENT.write_text(render(shown_by()), encoding="utf-8")
    print(DOCUMENT)
