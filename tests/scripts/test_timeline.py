"""What Horovod's timeline says of a step, one exchange after the other."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from timing.timeline import main, read

KINDS = {"weights": "ALLGATHER", "first": "ALLREDUCE", "second": "ALLREDUCE", "rows": "ALLREDUCE"}


def events_of(step: int, length: int) -> list[dict]:
    """Weights at once; two gradients in one buffer 30 ms later; rows at the end of a step."""
    events = []
    plan = {"weights": (0, 2), "first": (30, 40), "second": (33, 40), "rows": (length - 5, length)}
    for pid, (tensor, (asked, begun)) in enumerate(plan.items()):
        at = [1000 * (step * 100 + ms) for ms in (asked, begun - 1, begun, begun + 1, begun + 2)]
        kind = KINDS[tensor]
        events += [
            {"ph": "B", "name": f"NEGOTIATE_{kind}", "ts": at[0], "pid": pid},
            {"ph": "X", "name": "0", "ts": at[0], "dur": 0, "pid": pid},
            {"ph": "E", "ts": at[1], "pid": pid},
            {"ph": "B", "name": kind, "ts": at[2], "pid": pid},
            {"ph": "B", "name": f"GLOO_{kind}", "ts": at[2] + 100, "pid": pid},
            {"ph": "E", "ts": at[3], "pid": pid},
            {"ph": "E", "ts": at[4], "pid": pid},
        ]
    return events


@pytest.fixture
def timeline(tmp_path):
    names = [
        {"ph": "M", "name": "process_name", "pid": pid, "args": {"name": tensor}}
        for pid, tensor in enumerate(KINDS)
    ]
    events = [*names, *(e for step in range(6) for e in events_of(step, 60 + step))]
    path = tmp_path / "timeline.json"
    path.write_text(json.dumps(events)[:-1] + ",\n")  # as it is while Horovod goes on
    return path


def test_a_step_is_its_exchanges_in_order_and_a_buffer_is_one(timeline):
    weights, gradients, rows = read(timeline)
    assert (weights.kind, gradients.kind) == ("ALLGATHER", "ALLREDUCE")
    assert (gradients.tensors, rows.tensors) == (2, 1)
    waited = [exchange.begun - exchange.asked for exchange in (weights, gradients, rows)]
    assert waited == [2000, 10_000, 5000]


def test_steps_are_printed_and_drawn(timeline, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "steps.png"
    done = CliRunner().invoke(main, [f"before={timeline}", f"after={timeline}", "--out", picture])
    assert done.exit_code == 0, done.output
    assert "| ALLREDUCE | 2 | 30 | 40 | 2.0 |" in done.output
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("text", ["", "[{}]", "no timeline"])
def test_what_is_no_timeline_is_refused_in_a_line(tmp_path, text):
    path = tmp_path / "timeline.json"
    path.write_text(text)
    done = CliRunner().invoke(main, [str(path)])
    assert done.exit_code == 1 and "Error: " in done.output and "Traceback" not in done.output


def test_a_file_that_is_not_there_is_said_in_a_line(tmp_path):
    done = CliRunner().invoke(main, [str(tmp_path / "none.json")])
    assert done.exit_code == 1 and "none.json" in done.output and done.exception.code == 1
