"""`python -m trainer submit` against an API server, over HTTP."""

from __future__ import annotations

import json
import urllib.request

import yaml

IMAGE = ("--image", "registry/diet-ted:1")
CREATE = ("--name", "pizza", *IMAGE)
ELASTIC = ("--min-workers", "1", "--max-workers", "4")


def test_a_job_is_created_in_the_namespace_of_the_context(submit, server):
    result = submit(*CREATE, "--", "--epochs", "3")
    assert result.code == 0, result.err
    job = server.jobs["ml", "pizza"]
    assert job["spec"]["runPolicy"]["suspend"] is False  # the server's default
    assert "Created the job pizza in namespace ml." in result.err


def test_another_context_and_another_namespace_are_used(
    submit, server, write_kubeconfig, monkeypatch
):
    config = write_kubeconfig(dead=("http://127.0.0.1:9", "x"), live=(server.url, "team"))
    where = ("--kubeconfig", config, "--context", "live")
    assert submit(*CREATE, *where).code == 0
    assert submit(*CREATE, *where, "--namespace", "other").code == 0
    assert set(server.jobs) == {("team", "pizza"), ("other", "pizza")}
    result = submit(*CREATE, "--kubeconfig", config, "--context", "lost")
    assert result.code == 2
    assert "has no 'lost'; it has dead, live." in result.err


def test_no_kubeconfig_is_one_clear_line(submit, tmp_path):
    result = submit(*CREATE, "--kubeconfig", tmp_path / "none")
    assert result.code == 2 and "No usable kubeconfig" in result.err


def test_a_dry_run_by_the_server_creates_nothing(submit, server):
    result = submit(*CREATE, "--dry-run=server")
    assert result.code == 0, result.err
    assert yaml.safe_load(result.out)["spec"]["runPolicy"]["suspend"] is False
    assert not server.jobs


def test_a_dry_run_here_asks_no_server(submit, server):
    assert yaml.safe_load(submit(*CREATE, "--dry-run").out)["metadata"]["name"] == "pizza"
    assert not server.requests


def test_a_second_job_of_the_same_name_is_refused(submit):
    submit(*CREATE)
    result = submit(*CREATE)
    assert result.code == 2
    assert "it exists already. Give another --name, or delete it first" in result.err


def test_no_permission_is_told_with_the_servers_words(submit, server):
    server.denied.add(("create", "mpijobs"))
    result = submit(*CREATE)
    assert result.code == 2
    assert (
        'the server refuses (403): mpijobs is forbidden: User "me" cannot create it' in result.err
    )


def test_a_definition_that_may_not_be_read_is_left_to_the_server(submit, server, caplog):
    server.denied.add(("get", "customresourcedefinitions"))
    assert submit(*CREATE).code == 0
    assert "does not let you read its definition of MPIJob" in caplog.text


def test_a_cluster_without_the_operator_is_told_how_to_get_it(submit, server):
    server.definition = None
    result = submit(*CREATE)
    assert result.code == 2 and "does not know MPIJob: install the operator" in result.err


def test_what_this_clusters_definition_refuses_is_never_sent(submit, server):
    schema = server.definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    policy = schema["properties"]["spec"]["properties"]["runPolicy"]["properties"]
    backoff = policy.pop("backoffLimit")
    try:
        result = submit(*CREATE)
    finally:
        policy["backoffLimit"] = backoff
    assert result.code == 2 and "'backoffLimit' was unexpected" in result.err
    assert not any(request.startswith("POST") for request in server.requests)


def test_a_server_that_is_not_there_is_told_in_one_line(submit, server, write_kubeconfig):
    config = write_kubeconfig(dead=("http://127.0.0.1:9", "x"))
    result = submit("status", "pizza", "--kubeconfig", config)
    assert result.code == 2 and "the server does not answer" in result.err


def test_only_the_operator_writes_the_status(submit, server):
    submit(*CREATE, *ELASTIC)
    path = f"{server.url}/apis/kubeflow.org/v2beta1/namespaces/ml/mpijobs/pizza/status"
    status = {"conditions": [{"type": "Running", "status": "True"}]}
    body = json.dumps({"spec": {}, "status": status}).encode()
    urllib.request.urlopen(urllib.request.Request(path, body, method="PUT")).close()
    assert submit("resize", "pizza", "4").code == 0
    job = server.jobs["ml", "pizza"]
    assert job["status"] == status
    assert job["spec"]["mpiReplicaSpecs"]["Worker"]["replicas"] == 4
    assert "Job pizza in namespace ml: Running" in submit("status", "pizza").out


def test_status_tells_conditions_pods_and_events(submit, server):
    submit(*CREATE)
    server.script("pizza", "Created+Running")
    server.add_pod("pizza", "pizza-launcher-a", [], phase="Pending")
    server.add_event("pizza-launcher-a", "FailedScheduling", "no nodes")
    server.add_event("other", "Unrelated", "not ours")
    told = submit("status", "pizza").out
    assert "Job pizza in namespace ml: Running" in told
    assert "pod pizza-launcher-a: Pending" in told
    assert "FailedScheduling pizza-launcher-a: no nodes" in told
    assert "Unrelated" not in told


def test_logs_before_there_is_a_launcher_say_so(submit):
    submit(*CREATE)
    result = submit("logs", "pizza")
    assert result.code == 2 and "has no launcher yet" in result.err


def test_delete_removes_the_job_once(submit, server):
    submit(*CREATE)
    assert submit("delete", "pizza").code == 0
    assert not server.jobs
    result = submit("delete", "pizza")
    assert result.code == 2 and "there is none" in result.err


def test_an_elastic_job_is_resized_within_its_limits(submit, server):
    submit(*CREATE, *ELASTIC)
    assert submit("resize", "pizza", "4").code == 0
    spec = server.jobs["ml", "pizza"]["spec"]
    assert spec["mpiReplicaSpecs"]["Worker"]["replicas"] == 4
    assert spec["mpiReplicaSpecs"]["Worker"]["template"]["spec"]["containers"]
    result = submit("resize", "pizza", "5")
    assert result.code == 2 and "pizza takes 1 to 4 workers. Received: 5" in result.err


def test_a_job_that_is_not_elastic_is_not_resized(submit):
    submit(*CREATE)
    result = submit("resize", "pizza", "4")
    assert result.code == 2 and "pizza is not elastic" in result.err


def test_a_misspelt_training_option_is_found_before_anything_is_sent(submit, server):
    result = submit(*CREATE, "--", "--epoch", "3")
    assert result.code == 2 and "--epochs" in result.err
    assert not server.requests


def test_a_job_that_would_start_over_at_each_attempt_is_refused(submit, server):
    result = submit(*CREATE, "--", "--fresh")
    assert result.code == 2 and "--fresh has no place in a job" in result.err
    assert not server.requests
