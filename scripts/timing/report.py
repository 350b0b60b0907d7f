"""A benchmark's results as a table, and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from timing.programs import RASA

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
"""Rasa does not tell, or does nothing of the kind; and there is no ratio: the inverse of another
row, nothing on one device, and nearly nothing."""
PARTS = ("input", "forward", "backward", "exchange", "optimizer", "host")


def table(model: str, results: dict[str, Any]) -> str:
    """Markdown: a row per figure, a column per program and per ratio; then the parts of a step.

    >>> ours, rasa = [{"epoch": 1.0}, {"epoch": 2.0}], [{"epoch": 6.0}, {"epoch": 10.0}]
    >>> lines = table("diet", {"single": ours, "rasa": rasa}).splitlines()
    >>> lines[0], lines[2]  # doctest: +NORMALIZE_WHITESPACE
    ('| diet | single | rasa | rasa / single |',
     '| epoch, s | 1.50 (1.00–2.00) | 8.00 (6.00–10.00) | 5.50 (5.00–6.00) |')
    """
    programs = {name: found for name, found in results.items() if name != "parts"}
    first, *others = programs
    ratios = [_ratio(first, other) for other in others]
    head = [model, *programs, *(f"{over} / {under}" for over, under in ratios)]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for key, (title, form) in ROWS.items():
        if programs[first][0].get(key) is None:
            continue
        figures = {
            name: [None if name == RASA and key in ONLY_OURS else r.get(key) for r in found]
            for name, found in programs.items()
        }
        cells = [_spread(values, form) for values in figures.values()]
        cells += [_quotients(key, figures[over], figures[under]) for over, under in ratios]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    if "parts" in results:
        lines += ["", *_parts(results)]
    return "\n".join(lines)


def _ratio(first: str, other: str) -> tuple[str, str]:
    """Of what to what: of Rasa how much longer it takes, of ours how much faster they are."""
    return (other, first) if other == RASA else (first, other)


def _quotients(key: str, over: Sequence[Any], under: Sequence[Any]) -> str:
    """The ratio in each round."""
    if key in ONLY_OURS or None in (*over, *under):
        return "–"
    return _spread([a / b for a, b in zip(over, under, strict=True)], "{:.2f}")


def _spread(values: Sequence[Any], form: str) -> str:
    if None in values:
        return "–"
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
    >>> one = [{"step": 0.038, "exchange_per_step": 0.0}]
    >>> parts_of_step({"parts": parts, "single": one})["host"]
    2.0
    """
    first = next(found for name, found in results.items() if name != "parts")
    parts = dict(results["parts"])
    parts["exchange"] = 1000 * median(r["exchange_per_step"] for r in first)
    loop = 1000 * median(r["step"] for r in first)
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
