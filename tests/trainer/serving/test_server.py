"""The server itself: signals, slow clients, the command. It runs in the main thread, as always."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trainer.serving import server as server_module
from trainer.serving.answering import Answering
from trainer.serving.limits import Limits
from trainer.serving.newest_model import NewestModel
from trainer.serving.server import ServerOptions, serve


class Slow:
    """A source of something that takes a while to answer."""

    def __init__(self, seconds: float = 0):
        self.place = Path("slow")
        self.version = 1
        self._seconds = seconds

    def newest(self):
        return self.version

    def load(self):
        version = self.version

        def answer(texts):
            time.sleep(self._seconds)
            return [{"text": text, "version": version} for text in texts]

        return Answering(f"v{version}", {}, answer)


@pytest.fixture
def ask_while_serving(monkeypatch):
    """`ask_while_serving(client, source)`: what `client(port)` comes to, in a thread beside it.

    With `stops` it is the client that stops the server.
    """
    ports: list[int] = []
    listening = server_module._listening

    def noted(host, port):
        made = listening(host, port)
        ports.append(made.getsockname()[1])
        return made

    monkeypatch.setattr(server_module, "_listening", noted)

    def run(client, source=None, limits=None, *, stops=False, **options):
        def ask():
            while not ports:
                time.sleep(0.01)
            try:
                return client(ports[0])
            finally:
                if not stops:
                    os.kill(os.getpid(), signal.SIGTERM)

        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(ask)
            served = ServerOptions(port=0, watch_seconds=0, **options)
            serve(NewestModel(source or Slow()), served, limits or Limits())
            return asked.result()

    return run


def parse(port: int, text: str) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/model/parse", json.dumps({"text": text}))
    response = connection.getresponse()
    return {"status": response.status, **json.loads(response.read()), "head": response.headers}


def test_no_part_of_an_answer_waits_for_the_client_to_acknowledge_another():
    with server_module._listening("127.0.0.1", 0) as listening:
        with socket.create_connection(listening.getsockname()[:2]), listening.accept()[0] as served:
            assert served.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_signal_ends_it_when_everything_taken_is_answered(ask_while_serving):
    def client(port):
        with ThreadPoolExecutor(16) as threads:
            asked = [threads.submit(parse, port, str(number)) for number in range(16)]
            time.sleep(0.2)  # all are taken, few answered: a batch takes 0.1 s
            os.kill(os.getpid(), signal.SIGTERM)
            answers = [one.result() for one in asked]
        with pytest.raises(ConnectionRefusedError):
            parse(port, "too late")
        return answers

    limits = Limits(batch=4, batch_wait_seconds=0)
    answers = ask_while_serving(client, Slow(0.1), limits, stops=True)
    assert [answer["status"] for answer in answers] == [200] * 16
    assert [answer["text"] for answer in answers] == [str(number) for number in range(16)]
    assert answers[-1]["head"]["connection"] == "close"  # answered when it was stopping


def test_while_it_drains_it_answers_but_is_not_ready(ask_while_serving):
    def client(port):
        ready = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        ready.request("GET", "/health/ready")
        assert ready.getresponse().status == 200
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
        again = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        again.request("GET", "/health/ready")
        assert again.getresponse().status == 503
        return parse(port, "still")

    answer = ask_while_serving(client, stops=True, drain_seconds=0.4)
    assert answer["status"] == 200 and answer["head"]["connection"] == "close"


def test_sighup_takes_a_newer_version(ask_while_serving):
    source = Slow()

    def client(port):
        assert parse(port, "a")["version"] == 1
        source.version = 2
        os.kill(os.getpid(), signal.SIGHUP)
        until = time.monotonic() + 10
        while (answer := parse(port, "a"))["version"] == 1 and time.monotonic() < until:
            time.sleep(0.01)
        return answer

    assert ask_while_serving(client, source)["version"] == 2


def test_clients_that_send_no_request_or_no_end_of_one_are_let_go(ask_while_serving):
    def closed_after(port, sent: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(sent)
            return b"".join(iter(lambda: connection.recv(4096), b""))

    def client(port):
        head = b"POST /model/parse HTTP/1.1\r\nhost: here\r\n"
        asked = (b"", head, head + b"content-length: 100\r\n\r\n{")
        answers = [closed_after(port, sent) for sent in asked]
        assert parse(port, "others are answered")["status"] == 200
        return answers

    answers = ask_while_serving(client, limits=Limits(seconds=0.2, header_seconds=0.2))
    assert answers[:2] == [b"", b""]
    assert answers[2].startswith(b"HTTP/1.1 408") and b"0.2 seconds" in answers[2]


def test_a_connection_that_is_used_is_kept(ask_while_serving):
    def client(port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        statuses = []
        for _ in range(3):
            connection.request("POST", "/model/parse", json.dumps({"text": "a"}))
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
            time.sleep(0.2)  # longer than a head may take
        return statuses

    limits = Limits(header_seconds=0.1)
    assert ask_while_serving(client, limits=limits) == [200, 200, 200]


def test_an_address_in_use_is_bad_input(command, run_of_both):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = command("serve", run_of_both, "--port", port)
    assert f"Cannot listen on 127.0.0.1:{port}" in result.line


def test_a_path_that_is_no_run_is_bad_input(command, tmp_path):
    assert "neither a run directory" in command("serve", tmp_path).line


def test_what_is_not_installed_is_named(command, run_of_both, monkeypatch):
    monkeypatch.setattr("trainer.cli.serve.PACKAGES", ("starlette", "no_such_package"))
    line = command("serve", run_of_both).line
    assert "no_such_package" in line and "diet-ted-trainer[serve]" in line
