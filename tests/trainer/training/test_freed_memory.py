"""What tensors have freed is there for those of the next step, whatever devices there are."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import ctypes, os, resource, sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, {helpers!r})
from one_weight import OneWeight, make_store

from data_pipeline.batches.plans import Schedule
from trainer.distribution.distribution import make_distribution
from trainer.training.loop import TrainingLoop

SIZE, TIMES = 2**26, 4  # larger than glibc keeps by itself
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]

def page_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(TIMES):
        block = library.malloc(SIZE)
        library.memset(block, 1, SIZE)
        library.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

kept_before = page_faults() < TIMES * SIZE / 4096 / 2
distribution = make_distribution("{strategy}", logical_cpu_devices={devices})
loop = TrainingLoop(OneWeight, distribution=distribution)
loop.fit(make_store(examples=8), schedule=Schedule(1, 4))
print(kept_before, page_faults() < TIMES * SIZE / 4096 / 2)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
@pytest.mark.parametrize(("strategy", "devices"), [("single", 1), ("mirrored", 2)])
def test_a_training_keeps_freed_memory(strategy, devices):
    """In a process of its own, since TensorFlow undoes it once per process."""
    here = Path(__file__)
    program = PROGRAM.format(
        helpers=str(here.parents[2] / "support"), strategy=strategy, devices=devices
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        cwd=here.parents[3],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False", "True"]
