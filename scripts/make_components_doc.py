"""Writes docs/components.md: every component of Rasa and what happens to it here.

python scripts/make_components_doc.py
"""

from __future__ import annotations

from pathlib import Path

from data_pipeline.featurizers.component_names import RASA_COMPONENTS
from trainer.components import EFFECTS, Effect
from trainer.config import earlier_versions

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "components.md"
HEAD = """\
# Rasa's components

What happens to each component of Rasa 3.6.21 in `pipeline:` and `policies:`. A component is meant
by its name or by Rasa's full path (`rasa.nlu.…`); a class of any other package is not taken for one
of Rasa's. `python -m trainer config PROJECT` shows this for a project; when training, features that
are lost are warnings (errors with `--strict`). This file is written by
`scripts/make_components_doc.py`.

| component | what happens | |
|---|---|---|
"""


def components_document() -> str:
    """The document's text."""
    order = list(Effect)
    rows = [
        f"| `{name}` | {EFFECTS[name][0].value} | {EFFECTS[name][1]} |"
        for name in sorted(RASA_COMPONENTS, key=lambda name: (order.index(EFFECTS[name][0]), name))
    ]
    table = (earlier_versions.__doc__ or "").split("\n\n", 1)
    templates = ", ".join(f"`{name}`" for name in earlier_versions.TEMPLATES)
    return (
        HEAD
        + "\n".join(rows)
        + "\n\n## Earlier versions\n\n"
        + f"{table[0]} Templates are {templates}. What was translated is said in one line, and\n"
        + "`python -m trainer config PROJECT --migrate` writes the modern `config.yml`. Sections\n"
        + "that are missing or empty mean what `rasa init` would write.\n\n"
        + table[1].strip()
        + "\n"
    )


if __name__ == "__main__":
    DOCUMENT.write_text(components_document(), encoding="utf-8")
    print(f"Written: {DOCUMENT}")
