"""What `TF_CONFIG` and SLURM's variables say of the processes that train together."""

from __future__ import annotations

import json

import pytest

from data_pipeline.errors import InputError
from trainer.distribution.processes.cluster import read_cluster, started_by

WORKERS = ["a:1", "b:1", "b:2"]
SLURM = {
    "SLURM_PROCID": "3",
    "SLURM_NODEID": "1",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NODELIST": "n[9-10]",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    "SLURM_JOB_ID": "70123",
}


def tf_config(cluster: object, task: object) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def test_workers_have_their_index_as_rank():
    cluster = read_cluster(tf_config({"worker": WORKERS}, {"type": "worker", "index": 2}))
    assert cluster.addresses == tuple(WORKERS)
    assert (cluster.rank, cluster.size) == (2, 3)
    assert (cluster.local_rank, cluster.local_size) == (1, 2)


@pytest.mark.parametrize(("task", "rank"), [(("chief", 0), 0), (("worker", 0), 1)])
def test_a_chief_comes_first(task, rank):
    jobs = {"worker": ["b:1"], "chief": ["a:1"]}
    cluster = read_cluster(tf_config(jobs, dict(zip(("type", "index"), task, strict=True))))
    assert cluster.addresses == ("a:1", "b:1") and cluster.rank == rank


def test_slurm_lays_ranks_out_in_the_order_of_its_nodes():
    cluster = read_cluster(SLURM)
    assert cluster.addresses == ("n9:20123", "n9:20124", "n10:20123", "n10:20124")
    assert (cluster.rank, cluster.local_rank, cluster.local_size) == (3, 1, 2)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        (SLURM, "SLURM_PROCID"),
        ({**SLURM, "SLURM_STEP_NUM_TASKS": "1"}, None),
        ({"SLURM_PROCID": "0"}, None),  # sbatch's own shell
        (tf_config({"worker": ["a:1"]}, {"type": "worker", "index": 0}), None),
        (tf_config({"worker": WORKERS}, {"type": "worker", "index": 0}), "TF_CONFIG"),
        ({"TF_CONFIG": "{"}, "TF_CONFIG"),
    ],
)
def test_auto_takes_them_for_several_processes(environ, expected):
    assert started_by(environ) == expected


WORKER_0 = {"type": "worker", "index": 0}


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "needs to know the processes: start each with TF_CONFIG, such as {.*srun"),
        ({"TF_CONFIG": "{"}, r"TF_CONFIG: it is not JSON .* Received: '{'. An example: "),
        ({"TF_CONFIG": "[]"}, r"it must be a map. Received: \[\]"),
        (tf_config([], WORKER_0), "cluster must be a map"),
        (tf_config({"worker": "a:1"}, WORKER_0), "lists of addresses. Received: 'a:1'"),
        (tf_config({"worker": ["a"]}, WORKER_0), "must be HOST:PORT. Received: 'a'"),
        (tf_config({"worker": ["a:1", "a:1"]}, WORKER_0), "every address once"),
        (tf_config({"worker": ["a:1"], "ps": ["b:1"]}, WORKER_0), "workers only. Received: 'ps'"),
        (tf_config({"chief": ["a:1", "b:1"]}, WORKER_0), "cluster.chief must be one address"),
        (tf_config({"worker": WORKERS}, None), "task must name one of the cluster's processes"),
        (tf_config({"worker": WORKERS}, {"type": "chief", "index": 0}), "task must name one"),
        (tf_config({"worker": WORKERS}, {"type": "worker", "index": 3}), "must be 0 to 2"),
        ({**SLURM, "SLURM_JOB_ID": "x"}, "SLURM_JOB_ID, SLURM's, must be a number. Received: x"),
        ({**SLURM, "SLURM_STEP_NODELIST": "n[9-"}, "NODELIST is not of SLURM's form"),
        ({**SLURM, "SLURM_STEP_TASKS_PER_NODE": "2x"}, "PER_NODE is not of SLURM's form"),
        ({**SLURM, "SLURM_NODEID": "0"}, "do not tell where process 3 is. Start with srun --dist"),
    ],
)
def test_what_makes_no_sense_is_refused(environ, message):
    with pytest.raises(InputError, match=message):
        read_cluster(environ)
