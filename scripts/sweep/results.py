"""What came of the points of a sweep, as `sweep.csv` holds it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from sweep.points import EVALUATION_FILE, Sweep

from data_pipeline.atomic_files import write_file


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        transformer_weights: connected weights of the transformer, the layers that
            `connection_density` thins out: what the article calls trainable weights.
        connected_weights: connected weights of the whole model.
        stored_weights: the same with those that are not connected.
        intent_accuracy, intent_weighted_f1: None without intents in the test messages.
        entity_token_micro_f1, entity_span_micro_f1: as `python -m trainer evaluate` counts them.
    """

    density: float
    transformer_size: int
    seed: int
    transformer_weights: int
    connected_weights: int
    stored_weights: int
    intent_accuracy: float | None
    intent_weighted_f1: float | None
    entity_token_micro_f1: float
    entity_span_micro_f1: float


def read_results(sweep: Sweep) -> list[Result]:
    """The results of the points that are done, in the order of the sweep."""
    results = []
    for point in filter(sweep.is_done, sweep.points):
        run = sweep.run_dir(point)
        weights = json.loads((run / "run.json").read_text(encoding="utf-8"))["weights"]
        scores = json.loads((run / EVALUATION_FILE).read_text(encoding="utf-8"))
        results.append(
            Result(
                density=point.density,
                transformer_size=point.transformer_size,
                seed=point.seed,
                transformer_weights=weights["connected_in_transformer"],
                connected_weights=weights["connected"],
                stored_weights=weights["stored"],
                intent_accuracy=scores["intent"].get("accuracy"),
                intent_weighted_f1=scores["intent"].get("weighted_f1"),
                entity_token_micro_f1=scores["entity"]["token_micro_f1"],
                entity_span_micro_f1=scores["entity"]["span_micro_f1"],
            )
        )
    return results


def write_csv(results: Sequence[Result], path: Path) -> None:
    """Replace the table whole."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Result)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(result) for result in results)
    write_file(path, text.getvalue())
