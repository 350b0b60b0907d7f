"""What there is to know about an exported model, for programs (JSON) and for people (Markdown)."""

from __future__ import annotations

import json
import platform
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trainer.signatures.exported_model import CARD_JSON

CARD_MARKDOWN = "model_card.md"
PACKAGES = ("diet-ted-trainer", "tensorflow", "keras", "numpy")


def model_card(
    model: str,
    facts: Mapping[str, Any],
    *,
    step: int,
    metrics: Mapping[str, Any] | None,
    signatures: Mapping[str, Any],
    missing: tuple[str, ...],
    licence: str | None,
) -> dict[str, Any]:
    """The card, JSON-able.

    Args:
        model: its name.
        facts: what `run.json` says.
        step: finished steps of the checkpoint.
        metrics: the figures recorded with it.
        signatures: what each takes and gives.
        missing: what the model cannot do here.
        licence: of the training data, if that is known.
    """
    return {
        "model": model,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "step": step,
        "metrics": dict(metrics or {}),
        "data": {
            "fingerprint": facts["fingerprint"],
            "examples": facts["examples"],
            "licence": licence,
        },
        "versions": {
            "trained_with": facts["versions"],
            "exported_with": {
                **{package: version(package) for package in PACKAGES},
                "python": platform.python_version(),
                "unicode": unicodedata.unidata_version,
            },
        },
        "signatures": dict(signatures),
        "missing": list(missing),
        "config": facts["config"],
    }


def write_card(card: Mapping[str, Any], folder: Path) -> None:
    """Write the card to a folder in both forms."""
    text = json.dumps(card, indent=1, ensure_ascii=False)
    (folder / CARD_JSON).write_text(text + "\n", encoding="utf-8")
    (folder / CARD_MARKDOWN).write_text(_markdown(card), encoding="utf-8")


def sentence_of_half(half: Mapping[str, Any]) -> str:
    """What it costs that wide kernels are in bfloat16."""
    compared = ", ".join(f"{count} {kind}" for kind, count in half["compared"].items())
    return (
        f"Wide kernels are in bfloat16. Of {compared}, {half['other_answers']} are answered "
        "otherwise than by the checkpoint; the numbers of the others differ by at most "
        f"{half['largest_difference']:.1e}."
    )


def _markdown(card: Mapping[str, Any]) -> str:
    data, verified = card["data"], card.get("verified")
    lines = [
        f"# {card['model'].upper()}, step {card['step']}",
        "",
        f"Exported {card['created']}.",
        "",
        *(f"**{sentence}**\n" for sentence in card["missing"]),
        "## Data",
        "",
        f"* {data['examples']} training examples, fingerprint `{data['fingerprint'][:16]}`",
        f"* licence: {data['licence'] or 'not stated'}",
        "",
        "## Figures",
        "",
        *_table(("figure", "value"), card["metrics"]),
        "## Signatures",
        "",
    ]
    for name, sides in card["signatures"].items():
        lines += [f"### `{name}`", ""]
        for side, tensors in sides.items():
            described = {f"`{key}`": _tensor(tensor) for key, tensor in tensors.items()}
            lines += _table((side, "what"), described)
    if verified:
        compared = ", ".join(f"{count} {kind}" for kind, count in verified["compared"].items())
        lines += [
            "## Verified",
            "",
            f"Asked in a process without the trainer: {compared}. The largest difference from the "
            f"checkpoint's answers is {verified['largest_difference']:.1e}.",
            "",
        ]
    if half := card.get("half"):
        lines += ["## Half precision", "", sentence_of_half(half), ""]
    lines += ["## Versions", "", *_table(("package", "version"), card["versions"]["exported_with"])]
    options = card["config"].get(card["model"], {})
    lines += ["## Options", "", *_table(("option", "value"), options)]
    return "\n".join(lines).rstrip() + "\n"


def _table(head: tuple[str, str], rows: Mapping[str, Any]) -> list[str]:
    body = [f"| {key} | {_cell(value)} |" for key, value in rows.items()]
    return [f"| {head[0]} | {head[1]} |", "|---|---|", *body, ""] if body else []


def _cell(value: Any) -> str:
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _tensor(tensor: Mapping[str, Any]) -> str:
    shape = ", ".join("?" if size is None else str(size) for size in tensor["shape"])
    return f"{tensor['dtype']} [{shape}]"
