"""scripts/density_sweep.py: its table and picture, what it refuses, and a whole small sweep."""

import csv
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sweep.points import Point, Sweep
from sweep.results import Result, read_results, write_csv

from data_pipeline.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """\
pipeline:
  - name: WhitespaceTokenizer
  - name: CountVectorsFeaturizer
  - name: DIETClassifier
    epochs: 3
    batch_size: 4
    number_of_transformer_layers: 1
    number_of_attention_heads: 2
    dense_dimension: {text: 8, label: 4}
    embedding_dimension: 4
"""
NLU = """\
nlu:
- intent: greet
  examples: |
    - hello you
    - hello [Anna](name)
    - hi there
- intent: bye
  examples: |
    - bye you
    - goodbye [Anna](name)
    - see you
"""
RESULT = Result(0.2, 16, 1, 100, 500, 900, 0.9, 0.8, 0.7, 0.6)


@pytest.fixture
def source(tmp_path):
    """Arguments of `Sweep.prepare`, points left out."""
    (tmp_path / "config.yml").write_text(CONFIG)
    (tmp_path / "nlu.yml").write_text(NLU)
    nlu = [tmp_path / "nlu.yml"]
    return tmp_path / "out", None, tmp_path / "config.yml", nlu, nlu, ()


def test_the_table_has_a_line_per_result_and_empty_cells_for_scores_that_are_not_there(tmp_path):
    no_intents = replace(RESULT, density=1.0, intent_accuracy=None, intent_weighted_f1=None)
    write_csv([RESULT, no_intents], tmp_path / "sweep.csv")
    rows = list(csv.DictReader((tmp_path / "sweep.csv").open()))
    assert [row["density"] for row in rows] == ["0.2", "1.0"]
    assert rows[0]["transformer_weights"] == "100" and rows[0]["intent_weighted_f1"] == "0.8"
    assert rows[1]["intent_accuracy"] == "" and rows[1]["entity_token_micro_f1"] == "0.7"


def test_a_line_of_the_picture_goes_through_the_means_over_seeds():
    picture = pytest.importorskip("sweep.picture", reason="needs matplotlib")
    results = [
        replace(RESULT, transformer_size=32, transformer_weights=400, intent_weighted_f1=1.0),
        RESULT,
        replace(RESULT, seed=2, transformer_weights=102, intent_weighted_f1=0.6),
        replace(RESULT, density=1.0, transformer_weights=9999),
    ]
    weights, scores = picture.line_of(results, 0.2, "intent_weighted_f1")
    assert weights == [101, 400] and scores == pytest.approx([0.7, 1.0])


@pytest.mark.parametrize("changes", [{}, {"intent_accuracy": None, "intent_weighted_f1": None}])
def test_the_picture_is_a_png(tmp_path, changes):
    picture = pytest.importorskip("sweep.picture", reason="needs matplotlib")
    picture.draw([replace(RESULT, **changes)], tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.png"]


def test_results_are_read_from_the_points_that_are_done(source):
    points = [Point(0.2, 16, 1), Point(1.0, 16, 1)]
    sweep = Sweep.prepare(*source, points)
    run = sweep.run_dir(points[1])
    run.mkdir(parents=True)
    weights = {"stored": 9, "connected": 7, "connected_in_transformer": 5}
    (run / "run.json").write_text(json.dumps({"weights": weights}))
    scores = {"intent": {"messages": 0}, "entity": {"token_micro_f1": 0.5, "span_micro_f1": 0.4}}
    (run / "evaluation.json").write_text(json.dumps(scores))
    assert read_results(sweep) == [Result(1.0, 16, 1, 5, 7, 9, None, None, 0.5, 0.4)]


def test_a_size_that_does_not_fit_is_refused_before_anything_is_trained(source):
    with pytest.raises(InputError, match="density-1_size-7_seed-1: .*must divide 7"):
        Sweep.prepare(*source, [Point(1.0, 16, 1), Point(1.0, 7, 1)])
    assert not source[0].exists()


def test_other_settings_or_data_in_the_same_directory_are_refused(source):
    points = [Point(0.2, 16, 1)]
    Sweep.prepare(*source, points)
    Sweep.prepare(*source, [*points, Point(0.5, 8, 2)])  # more points go on
    with pytest.raises(InputError, match="other settings or data .*epochs: 3 -> 4"):
        Sweep.prepare(*source[:-1], ("epochs=4",), points)
    nlu = source[3][0]
    nlu.write_text(nlu.read_text().replace("see you", "see you soon"))
    before = (source[0] / "prepared" / "header.json").read_bytes()
    with pytest.raises(InputError, match="training data"):
        Sweep.prepare(*source, points)
    assert (source[0] / "prepared" / "header.json").read_bytes() == before


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_and_ends_with_table_and_picture(source, tmp_path):
    pytest.importorskip("matplotlib")
    out, _, config, nlu, _, _ = source
    script = ROOT / "scripts" / "density_sweep.py"
    command = [sys.executable, script, "--config", config, "--nlu", nlu[0], "--test", nlu[0]]
    command += ["--out", out, "--density", "1", "--density", "0.2", "--transformer-size", "8"]
    command = [*map(str, command), "--jobs", "2"]
    first = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    lines = iter(first.stderr.readline, "")
    assert any("2 points, 2 of them to be trained" in line for line in lines)
    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=120)
    assert first.returncode == 130 and "The same command goes on." in err
    assert not list(out.glob("points/*/evaluation.json"))

    for _ in range(2):  # the second time nothing is left to do
        again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
    assert "2 points, 0 of them to be trained" in again.stderr
    rows = list(csv.DictReader((out / "sweep.csv").open()))
    assert [row["density"] for row in rows] == ["1.0", "0.2"]
    dense, thin = (int(row["transformer_weights"]) for row in rows)
    assert thin < dense and rows[0]["stored_weights"] == rows[0]["connected_weights"]
    assert (out / "sweep.png").stat().st_size > 0
