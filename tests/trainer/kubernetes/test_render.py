"""The rendered job, and what is refused before anything is sent."""

from __future__ import annotations

import copy
import dataclasses
import subprocess
import sys

import pytest
import yaml

from data_pipeline.errors import InputError
from trainer.kubernetes.job_options import (
    Claim,
    JobOptions,
    parse_data,
    parse_pairs,
    parse_runs,
    parse_secret,
    parse_toleration,
)
from trainer.kubernetes.operator_rules import operator_errors
from trainer.kubernetes.render import render_job, to_yaml
from trainer.kubernetes.validate import check_against_definition, check_offline

OPTIONS = JobOptions(name="pizza", image="registry/diet-ted:1")
EVERYTHING = JobOptions(
    name="pizza",
    image="registry/diet-ted:1",
    namespace="ml",
    workers=3,
    gpus=2,
    data=Claim("projects", "pizza"),
    env={"NCCL_DEBUG": "INFO"},
    secrets={"token": "/secrets/token"},
    image_pull_secrets=("registry",),
    node_selector={"gpu": "h100"},
    tolerations=({"key": "nvidia.com/gpu", "operator": "Exists"},),
    priority_class="high",
    queue="team",
    min_workers=1,
    max_workers=4,
    ttl_seconds=3600,
    deadline_seconds=86400,
    training=("--epochs", "50", "--precision", "mixed_bfloat16"),
)
DATA_BY_URL = dataclasses.replace(EVERYTHING, data="https://host/project.tar.gz")
REPLICAS = ("spec", "mpiReplicaSpecs")
LAUNCHER = (*REPLICAS, "Launcher", "template", "spec", "containers", 0)
WORKER = (*REPLICAS, "Worker", "template", "spec", "containers", 0)


def at(job, path):
    for key in path:
        job = job[key]
    return job


def changed(path, value):
    """A job with one value replaced, or removed where it is None."""
    job = copy.deepcopy(render_job(OPTIONS))
    parent = at(job, path[:-1])
    if value is None:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return job


def variables(job):
    return {item["name"]: item["value"] for item in at(job, LAUNCHER)["env"]}


@pytest.mark.parametrize("options", [OPTIONS, EVERYTHING, DATA_BY_URL])
def test_rendered_jobs_pass_every_check(options, definition):
    job = render_job(options)
    check_offline(job)
    check_against_definition(job, definition)
    assert yaml.safe_load(to_yaml(job)) == job


def test_the_launcher_names_the_host_file_and_the_number_of_processes():
    job = render_job(dataclasses.replace(OPTIONS, workers=3, gpus=2))
    command = at(job, LAUNCHER)["command"]
    assert command[command.index("--hostfile") + 1] == "/etc/mpi/hostfile"
    assert command[command.index("-np") + 1] == "$(DIET_TED_WORLD_SIZE)"
    assert variables(job) == {"DIET_TED_WORLD_SIZE": "6", "DIET_TED_WORLD_HOSTS": "3"}
    assert job["spec"]["slotsPerWorker"] == 2
    assert at(job, WORKER)["resources"]["limits"]["nvidia.com/gpu"] == "2"


def test_an_elastic_job_has_limits_and_a_discovery_script():
    job = render_job(EVERYTHING)
    command = at(job, LAUNCHER)["command"]
    assert command[command.index("--slots-per-host") + 1] == "2"
    assert "/etc/mpi/discover_hosts.sh" in command and "--hostfile" not in command
    # Else the pod that replaces a lost one, and has its name, is never taken in.
    assert "--blacklist-cooldown-range" in command
    sizes = {"DIET_TED_MIN_WORLD_SIZE": "2", "DIET_TED_MAX_WORLD_SIZE": "8"}
    assert variables(job) == sizes | {"NCCL_DEBUG": "INFO"}
    assert job["spec"]["launcherCreationPolicy"] == "AtStartup"


def test_training_options_are_passed_on_and_paths_filled_in():
    assert at(render_job(EVERYTHING), LAUNCHER)["args"] == [
        *("--project", "/data", "--run-dir", "/runs/pizza"),
        *("--epochs", "50", "--precision", "mixed_bfloat16"),
    ]
    own = ("--run-dir=/runs/other", "--project", "/data/sub")
    job = render_job(dataclasses.replace(EVERYTHING, training=own))
    assert at(job, LAUNCHER)["args"] == list(own)


def test_only_workers_get_the_accelerators_nodes_and_volumes():
    job = render_job(DATA_BY_URL)
    launcher, worker = (at(job, (*path[:-2],)) for path in (LAUNCHER, WORKER))
    assert "tolerations" not in launcher and "volumes" not in launcher
    assert worker["tolerations"] and worker["nodeSelector"] == {"gpu": "h100"}
    assert worker["initContainers"][0]["args"] == ["https://host/project.tar.gz", "/data"]
    assert {volume["name"] for volume in worker["volumes"]} == {
        *("runs", "data", "shm", "secret-token"),
    }


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("metadata", "name"), "x" * 60, "metadata.name"),
        (("metadata", "name"), "1pizza", "metadata.name"),
        (("spec", "slotsPerWorker"), -1, "spec.slotsPerWorker"),
        (("spec", "launcherCreationPolicy"), "Later", "spec.launcherCreationPolicy"),
        (("spec", "runPolicy", "cleanPodPolicy"), "Sometimes", "spec.runPolicy.cleanPodPolicy"),
        (("spec", "runPolicy", "managedBy"), "me", "spec.runPolicy.managedBy"),
        (("spec", "runPolicy", "backoffLimit"), -1, "spec.runPolicy.backoffLimit"),
        ((*REPLICAS, "Launcher"), None, "spec.mpiReplicaSpecs.Launcher"),
        ((*REPLICAS, "Launcher", "replicas"), 3, "spec.mpiReplicaSpecs.Launcher.replicas"),
        ((*REPLICAS, "Worker"), None, "spec.mpiReplicaSpecs.Worker"),
        ((*REPLICAS, "Worker", "replicas"), None, "spec.mpiReplicaSpecs.Worker.replicas"),
        ((*REPLICAS, "Worker", "replicas"), 0, "spec.mpiReplicaSpecs.Worker.replicas"),
        ((*REPLICAS, "Worker", "restartPolicy"), "Always", "Worker.restartPolicy"),
        (WORKER[:-1], [], "Worker.template.spec.containers"),
        ((*WORKER, "resourcez"), {}, "Worker.template.spec.containers[0]"),
        ((*WORKER, "image"), 1, "Worker.template.spec.containers[0].image"),
        ((*LAUNCHER, "args"), ["a", 1], "Launcher.template.spec.containers[0].args[1]"),
    ],
)
def test_what_the_operator_or_the_server_would_refuse_is_named(path, value, field):
    with pytest.raises(InputError, match="would be refused") as error:
        check_offline(changed(path, value))
    assert field in str(error.value)


def test_all_broken_rules_are_told_at_once():
    job = changed(("metadata", "name"), "Pizza")
    job["spec"]["slotsPerWorker"] = -1
    assert len(operator_errors(job)) == 2


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("spec", "runPolicies"), {}, "spec: .*runPolicies"),
        (("spec", "slotsPerWorker"), "two", "spec.slotsPerWorker"),
        (("metadata", "label"), {}, "metadata: .*label"),
        ((*WORKER, "resources"), {"limits": {"cpu": "4 cores"}}, "resources.limits.cpu"),
    ],
)
def test_what_the_clusters_definition_does_not_know_is_named(path, value, field, definition):
    with pytest.raises(InputError, match=field):
        check_against_definition(changed(path, value), definition)


def test_a_cluster_with_an_old_operator_is_refused(definition):
    old = copy.deepcopy(definition)
    old["spec"]["versions"][0]["name"] = "v1"
    with pytest.raises(InputError, match="in v1, but v2beta1 is needed"):
        check_against_definition(render_job(OPTIONS), old)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "--workers must be at least 1. Received: 0"),
        ({"gpus": -1}, "--gpus must not be negative"),
        ({"min_workers": 1}, "belong together"),
        ({"min_workers": 3, "max_workers": 4}, "Received: 3, 2, 4"),
        ({"memory": "8 GB"}, "--memory takes a quantity"),
        ({"env": {"A-B": "1"}}, "--env: 'A-B'"),
        ({"secrets": {"My_Secret": "/x"}}, "--secret: a name has"),
        ({"runs": Claim("Runs")}, "--runs, --data: a name has"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(OPTIONS, **options)


def test_flags_are_parsed():
    assert parse_data("pvc:projects/a/b/") == Claim("projects", "a/b")
    assert parse_data("https://h/p.zip?sig=1") == "https://h/p.zip?sig=1"
    assert parse_runs("pvc:runs") == Claim("runs")
    assert parse_pairs("--env", ("A=1=2", "B=")) == {"A": "1=2", "B": ""}
    assert parse_secret("token") == ("token", "/secrets/token")
    assert parse_secret("token:/here") == ("token", "/here")
    equal = {"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}
    assert parse_toleration("a=b:NoSchedule") == equal
    assert parse_toleration("a") == {"key": "a", "operator": "Exists"}


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_data, "/home/me", "--data takes pvc:CLAIM"),
        (parse_data, "https://h/page.html", "ends in"),
        (parse_runs, "s3://bucket", "--runs must be a volume"),
        (parse_runs, "pvc:", "--runs takes pvc:CLAIM"),
        (parse_secret, "token:relative", "--secret takes"),
        (parse_toleration, "a:b:c", "--toleration takes"),
        (lambda text: parse_pairs("--env", (text,)), "A", "--env takes KEY=VALUE"),
    ],
)
def test_bad_flags_are_refused(parse, text, message):
    with pytest.raises(InputError, match=message):
        parse(text)


# `import X` fails for a module that is None in `sys.modules`, as it does where it is not installed.
WITHOUT_LIBRARIES = """
import sys
for name in ("kubernetes", "kubernetes_validate", "jsonschema", "tensorflow"):
    sys.modules[name] = None
from trainer.cli.main import main
main()
"""


def test_rendering_needs_no_cluster_library_and_no_tensorflow():
    arguments = ["submit", "--dry-run", "--image", "a:1", "--", "--epochs", "3"]
    command = [sys.executable, "-c", WITHOUT_LIBRARIES, *arguments]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert yaml.safe_load(result.stdout)["kind"] == "MPIJob"
    assert "kubernetes-validate is not installed" in result.stderr
