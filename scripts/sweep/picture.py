"""The picture of a sweep: scores against connected weights, one line per density."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sweep.results import Result

from data_pipeline.atomic_files import published_file

SCORES = {
    "intent_weighted_f1": "Intents: weighted F1",
    "entity_token_micro_f1": "Entities: micro F1 per token",
}


def draw(results: Sequence[Result], path: Path) -> None:
    """Write the picture as PNG; a score that no point has is left out."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    names = [name for name in SCORES if any(getattr(r, name) is not None for r in results)]
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        _draw_score(axes, results, name)
    with published_file(path) as file:
        figure.savefig(file, format="png", dpi=120)


def _draw_score(axes: Axes, results: Sequence[Result], name: str) -> None:
    for density in sorted({result.density for result in results}, reverse=True):
        lines = line_of(results, density, name)
        axes.plot(*lines, marker="o", label=f"{density:.0%}")
    for result in results:
        axes.plot(result.transformer_weights, getattr(result, name), ".", color="0.6", zorder=0)
    axes.set(
        xscale="log", xlabel="connected weights of the transformer", title=SCORES[name], ylabel="F1"
    )
    axes.grid(alpha=0.3)
    axes.legend(title="connection density")


def line_of(
    results: Sequence[Result], density: float, name: str
) -> tuple[list[float], list[float]]:
    """Weights and scores per transformer size, each the mean over the seeds."""
    mine = [r for r in results if r.density == density and getattr(r, name) is not None]
    sizes = sorted({result.transformer_size for result in mine})
    groups = [[r for r in mine if r.transformer_size == size] for size in sizes]
    weights = [mean(r.transformer_weights for r in group) for group in groups]
    return weights, [mean(getattr(r, name) for r in group) for group in groups]
