"""A benchmark's results as a table, and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROWS = {
    "epoch": ("epoch, s", "{:.2f}"),
    "epoch_cpu": ("epoch, processor s", "{:.2f}"),
    "step": ("step, s", "{:.3f}"),
    "examples_per_second": ("examples per second", "{:.0f}"),
    "exchange_per_step": ("exchange per step, s", "{:.3f}"),
    "before_training": ("start-up and data, s", "{:.1f}"),
    "first_step": ("graph building, s", "{:.1f}"),
    "checkpoint": ("training waits for a checkpoint, s", "{:.2f}"),
    "peak_gb": ("peak memory, GB", "{:.2f}"),
    "whole": ("whole command, s", "{:.0f}"),
    "whole_cpu": ("whole command, processor s", "{:.0f}"),
}
ONLY_OURS = ("examples_per_second", "exchange_per_step", "checkpoint")
PARTS = ("input", "forward", "backward", "exchange", "optimizer", "host")


def table(model: str, results: dict[str, Any]) -> str:
    """Markdown: a row per figure with ours, Rasa's and their ratio; then the parts of a step.

    >>> ours, rasa = [{"epoch": 1.0}, {"epoch": 2.0}], [{"epoch": 6.0}, {"epoch": 10.0}]
    >>> lines = table("diet", {"ours": ours, "rasa": rasa}).splitlines()
    >>> lines[2]
    '| epoch, s | 1.50 (1.00–2.00) | 8.00 (6.00–10.00) | 5.5 (5.0–6.0) |'
    """
    ours, rasas = results["ours"], results.get("rasa")
    head = f"| {model} | here |" + (" Rasa | Rasa / here |" if rasas else "")
    lines = [head, "|---" * (head.count("|") - 1) + "|"]
    for key, (title, form) in ROWS.items():
        if key not in ours[0] or ours[0][key] is None:
            continue
        row = f"| {title} | {_spread([r[key] for r in ours], form)} |"
        if rasas:
            row += _beside(key, form, ours, rasas)
        lines.append(row)
    if "parts" in results:
        lines += ["", *_parts(results)]
    return "\n".join(lines)


def _beside(key: str, form: str, ours: Sequence[dict], rasas: Sequence[dict]) -> str:
    if key in ONLY_OURS:
        return " – | – |"
    ratios = [rasa[key] / our[key] for our, rasa in zip(ours, rasas, strict=True)]
    return f" {_spread([r[key] for r in rasas], form)} | {_spread(ratios, '{:.1f}')} |"


def _spread(values: Sequence[float], form: str) -> str:
    least, middle, most = (form.format(f(values)) for f in (min, median, max))
    return middle if len(values) == 1 else f"{middle} ({least}–{most})"


def _parts(results: dict[str, Any]) -> list[str]:
    parts = parts_of_step(results)
    return [
        "| ms per step of " + f"{results['parts']['rows']} rows | " + " | ".join(PARTS) + " |",
        "|---" * (len(PARTS) + 1) + "|",
        "| wall | " + " | ".join(f"{parts[name]:.1f}" for name in PARTS) + " |",
    ]


def parts_of_step(results: dict[str, Any]) -> dict[str, float]:
    """Milliseconds by part; `host` is what a step of the loop takes beyond the others.

    >>> parts = {"input": 1.0, "forward": 10.0, "backward": 20.0, "optimizer": 5.0, "step": 35.0}
    >>> parts_of_step({"parts": parts, "ours": [{"step": 0.038, "exchange_per_step": 0.0}]})["host"]
    2.0
    """
    parts = dict(results["parts"])
    parts["exchange"] = 1000 * median(r["exchange_per_step"] for r in results["ours"])
    loop = 1000 * median(r["step"] for r in results["ours"])
    parts["host"] = loop - parts["step"] - parts["input"] - parts["exchange"]
    return parts


def picture(results: dict[str, Any], path: Path) -> bool:
    """Draw the parts of a step, a bar per model; False where there is no matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return False
    figure = Figure(figsize=(8, 1.2 + 0.8 * len(results)), layout="constrained")
    axes = figure.subplots()
    for model, found in results.items():
        left = 0.0
        for number, name in enumerate(PARTS):
            width = max(parts_of_step(found)[name], 0.0)
            label = name if model == next(iter(results)) else None
            axes.barh(model, width, left=left, color=f"C{number}", label=label)
            left += width
    axes.set(xlabel="ms per step")
    axes.legend(ncols=len(PARTS), loc="upper center", bbox_to_anchor=(0.5, 1.35), fontsize=8)
    figure.savefig(path, dpi=120)
    return True
