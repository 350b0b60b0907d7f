"""`submit --wait`, `--follow` and `logs --follow`: to the end of a job, whatever happens."""

from __future__ import annotations

import functools

import pytest

from trainer.kubernetes.follow import Patience

CREATE = ("--name", "pizza", "--image", "registry/diet-ted:1")


def lines(*numbers: int) -> bytes:
    """A log as the server sends it, with a time before each line."""
    return b"".join(b"2026-01-01T00:00:%02d.5Z line %d\n" % (n, n) for n in numbers)


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


def watching(monkeypatch):
    """Between looks the job is watched, for a minute if nothing changes."""
    from trainer.cli import submit as submit_cli

    patient = functools.partial(Patience, look=60, retry=0)
    monkeypatch.setattr(submit_cli, "Patience", patient)


@pytest.mark.parametrize("forgotten", [0, 10**6])
def test_a_change_of_the_job_is_seen_at_once(submit, server, monkeypatch, forgotten):
    """Also if the server has forgotten what happened since the last look."""
    watching(monkeypatch)
    server.forgotten = forgotten
    server.script("pizza", "Created", "Created+Running", "Created+Succeeded")
    watched, ended = server.wait_for_change, []

    def wait(namespace, name, version, seconds):
        ended.append(version)
        server.put_status(namespace, name, {"conditions": []})  # something changes meanwhile
        return watched(namespace, name, version, seconds)

    server.wait_for_change = wait
    result = submit(*CREATE, "--wait")
    assert result.code == 0, result.err
    assert len(ended) == 2  # after Created and after Running


def test_a_job_deleted_while_it_is_watched_counts_as_failed(submit, server, monkeypatch):
    watching(monkeypatch)
    server.script("pizza", "Created")
    watched = server.wait_for_change

    def wait(namespace, name, version, seconds):
        server.delete(namespace, name)
        return watched(namespace, name, version, seconds)

    server.wait_for_change = wait
    result = submit(*CREATE, "--wait")
    assert result.code == 1 and "The job pizza was deleted." in result.err


def test_without_permission_to_watch_the_job_is_looked_at_again(submit, server, monkeypatch):
    from trainer.cli import submit as submit_cli

    monkeypatch.setattr(submit_cli, "Patience", functools.partial(Patience, look=1, retry=0))
    server.denied.add(("watch", "mpijobs"))
    server.script("pizza", "Created", "Created+Succeeded")
    assert submit(*CREATE, "--wait").code == 0
    assert any(request.startswith("WATCH") for request in server.requests)


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
    from trainer.cli import submit as submit_cli

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
