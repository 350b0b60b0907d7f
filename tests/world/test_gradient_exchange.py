"""Gradients between processes: summed alike by rows and densely, counted, maybe in 16 bits."""

from __future__ import annotations

import json

import pytest
from processes import run_script

# A dense gradient of 15 numbers; those rows of 3 that any process touches, of a kernel of two rows
# and of one of a thousand, and a flag for every row there is. A sum that is no gradient.
NUMBERS, FLAGS, SUM_BYTES = 15 + 2 * 3 + 3 * 3, 2 + 1000, 2 * 4
FLAG_BYTES = {"horovod": 1, "multi_worker": 2}
EXCHANGES = {"none": 3, "fp16": 4}
"""Dense gradients with the sum, which has another type in 16 bits; touched rows; rows."""
BYTES = {"none": 4, "fp16": 2}
TOLERANCE = {"none": 1e-6, "fp16": 4e-3}


@pytest.mark.shows("trainer.gradient_compression")
@pytest.mark.slow
@pytest.mark.parametrize("strategy", FLAG_BYTES)
def test_gradients_are_summed_over_processes(strategy):
    begin = '{"compression"'  # horovodrun puts the rank in front of a line
    lines = run_script("gradient_exchange.py", strategy, processes=2)
    results = [json.loads(line[line.index(begin) :]) for line in lines if begin in line]
    assert sorted(result["compression"] for result in results) == ["fp16", "fp16", "none", "none"]
    for result in results:
        kind = result["compression"]
        assert max(result["errors"]) < TOLERANCE[kind]
        assert (max(result["errors"]) > TOLERANCE["none"]) is (kind == "fp16")
        assert result["rows"] == [2, 3] and result["unique"]
        assert result["bytes_sent"] == (
            NUMBERS * BYTES[kind] + FLAGS * FLAG_BYTES[strategy] + SUM_BYTES
        )
        assert result["exchanges"] == result["operations"] == EXCHANGES[kind]
        assert result["sum_is_exact"]
        assert result["took_time"]
        assert result["recorded"] is (result["chief"] and strategy == "horovod")


@pytest.mark.slow
def test_exchanges_of_processes_that_tensorflow_joins_leave_nothing_behind():
    lines = run_script("kept_by_exchanges.py", "multi_worker", processes=2)
    found = [json.loads(line[line.index("{") :]) for line in lines if '"ours"' in line]
    assert len(found) == 2
    for kilobytes in found:
        assert kilobytes["ours"] < 0.5 < 1.0 < kilobytes["new_keys"]  # seen: 0.1 and 1.6
