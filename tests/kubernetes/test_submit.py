"""`python -m trainer submit` against an API server, over HTTP."""

from __future__ import annotations

import pytest
import yaml

IMAGE = ("--image", "registry/diet-ted:1")
CREATE = ("--name", "pizza", *IMAGE)
ELASTIC = ("--min-workers", "1", "--max-workers", "4")


def lines(*numbers: int) -> bytes:
    """A log as the server sends it, with a time before each line."""
    return b"".join(b"2026-01-01T00:00:%02d.5Z line %d\n" % (n, n) for n in numbers)


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


@pytest.mark.parametrize(
    ("end", "code"), [("Created+Running+Succeeded", 0), ("Created+Running+Failed", 1)]
)
def test_waiting_ends_with_the_jobs_result(end, code, submit, server):
    server.script("pizza", "", "Created", "Created+Running", end)
    server.add_event("pizza-launcher-x", "BackOff", "the launcher failed")
    result = submit(*CREATE, "--wait")
    assert result.code == code
    assert "Job pizza: Running." in result.err
    assert ("BackOff pizza-launcher-x: the launcher failed" in result.err) == (code == 1)


def test_the_log_is_followed_across_a_lost_connection_and_a_new_attempt(submit, server):
    running = "Created+Running"
    server.script("pizza", running, running, running, "Created+Running+Succeeded")
    server.add_pod("pizza", "pizza-worker-0", [])
    cut = lines(1, 2) + b"2026-01-01T00:00:03.5Z li"
    server.add_pod("pizza", "pizza-launcher-a", [cut, None], [lines(1, 2, 3)])
    result = submit(*CREATE, "--follow")
    assert result.code == 0, result.err
    assert result.out.splitlines() == ["line 1", "line 2", "line 3"]
    server.add_pod("pizza", "pizza-launcher-b", [lines(4)])
    assert submit("logs", "pizza").out.splitlines() == ["line 4"]


def test_a_new_attempt_is_announced(submit, server):
    running = "Created+Running"
    server.script("pizza", running, running, running, "Created+Failed")
    server.add_pod("pizza", "pizza-launcher-a", [lines(1)])
    add, looked = server.add_pod, []

    def look(namespace, name, look=server.look):
        looked.append(name)
        if len(looked) == 2:
            add("pizza", "pizza-launcher-b", [lines(1)])
        return look(namespace, name)

    server.look = look
    result = submit(*CREATE, "--follow")
    assert result.code == 1
    assert result.out.splitlines() == [
        *("line 1", "--- a new attempt: pizza-launcher-b ---", "line 1"),
    ]


def test_a_job_that_the_operator_refuses_ends_the_waiting(submit, server):
    server.add_event("pizza", "ValidationError", "Found validation errors: spec.x")
    result = submit(*CREATE, "--wait")
    assert result.code == 1
    assert "The operator refuses the job: Found validation errors: spec.x" in result.err


def test_a_job_that_is_never_admitted_times_out_with_its_events(submit, server):
    server.script("pizza", "Created+Suspended")
    server.add_event("pizza", "Pending", "couldn't assign flavors: insufficient quota", "Normal")
    result = submit(*CREATE, "--queue", "team", "--wait", "--start-timeout", "0")
    assert result.code == 3
    assert "The job pizza is not running: Suspended." in result.err
    assert "insufficient quota" in result.err
    assert ("ml", "pizza") in server.jobs


def test_a_job_that_does_not_end_in_time_is_left_alone(submit, server):
    server.script("pizza", "Created+Running")
    result = submit(*CREATE, "--wait", "--timeout", "0.01")
    assert result.code == 3 and "did not end in time; it goes on" in result.err


def test_waiting_outlives_a_server_that_is_away_for_a_moment(submit, server):
    server.script("pizza", "Created", "Created+Running", "Created+Succeeded")
    submit(*CREATE)
    server.unanswered = 6
    assert submit("logs", "pizza", "--follow").code == 0
    assert server.unanswered == 0


def test_waiting_ends_when_the_server_stays_away(submit, server, monkeypatch):
    from trainer import submit_cli

    impatient = submit_cli.Patience
    monkeypatch.setattr(
        submit_cli, "Patience", lambda *arguments: impatient(*arguments, unreachable=0)
    )
    submit(*CREATE)
    server.unanswered = 10**6
    result = submit("logs", "pizza", "--follow")
    assert result.code == 3
    assert "the server does not answer" in result.err and "may go on" in result.err


def test_a_job_that_is_deleted_meanwhile_counts_as_failed(submit, server):
    result = submit("logs", "pizza", "--follow")
    assert result.code == 1 and "The job pizza was deleted." in result.err


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
