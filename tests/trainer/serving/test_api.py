"""Rasa's HTTP API: what is answered, and what is refused in one line."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version

import pytest
from web.http_answers import GREETING, close_to

from data_pipeline.dialogue.domain.events import LISTEN, ActionExecuted, StoryEntity, UserUttered
from trainer.serving.limits import Limits


def refusal(response, status: int) -> str:
    """The one line of a refusal, which says all that Rasa's do."""
    assert response.status_code == status, response.text
    assert response.text.count("\n") == 1 and "Traceback" not in response.text
    told = response.json()
    assert told["status"] == "failure" and told["code"] == status
    assert {"version", "message", "reason", "details", "help"} <= told.keys()
    return told["message"]


def test_a_message_is_answered_as_by_the_run(client, run):
    asked = {"text": "fly from Rome to Oslo", "message_id": "abc", "token": None}
    response = client.post("/model/parse", json=asked)
    assert response.status_code == 200
    assert close_to(response.json(), run.answer("fly from Rome to Oslo"))


def test_a_list_of_messages_is_answered_by_a_list(client, run):
    texts = ["fly from Rome to Oslo", "", "/greet", "\U0001f600 hello"]
    response = client.post("/model/parse", json=[{"text": text} for text in texts])
    assert close_to(response.json(), list(run.answers(texts)))


def test_a_dialogue_is_answered_by_a_ranking(client, run):
    told = client.post("/model/predict", json=GREETING).json()
    expected = run.next_action([LISTEN, UserUttered("greet", "hello you")])
    assert [score["action"] for score in told["scores"]] == [a["name"] for a in expected]
    assert close_to([s["score"] for s in told["scores"]], [a["confidence"] for a in expected])
    assert told["confidence"] == told["scores"][0]["score"] and told["policy"] == "TEDPolicy"
    assert told["tracker"]["events"] == GREETING
    assert told["tracker"]["latest_action_name"] == "action_listen"
    assert told["tracker"]["slots"]["city"] is None


def test_dialogues_are_answered_alike_alone_and_together(run):
    user = UserUttered("fly", None, (StoryEntity("city", "Rome"),))
    dialogues = [
        [LISTEN],
        [LISTEN, user],
        [LISTEN, user, ActionExecuted("action_search"), LISTEN, UserUttered("bye")],
    ]
    together = run.policy.next_actions(dialogues)
    for events, ranking in zip(dialogues, together, strict=True):
        by_name = {a["name"]: a["confidence"] for a in ranking}
        alone = {a["name"]: a["confidence"] for a in run.next_action(events)}
        assert close_to(by_name, alone)


def test_slots_that_entities_fill_are_told_as_events(client):
    user = GREETING[1] | {
        "parse_data": {"intent": {"name": "fly"}, "entities": [{"entity": "city", "value": "Rome"}]}
    }
    told = client.post("/model/predict", json=[GREETING[0], user]).json()
    filled = [{"event": "slot", "name": "city", "value": "Rome"}]
    assert told["slots_from_entities"] == filled
    told = client.post("/model/predict", json=[GREETING[0], user, *filled]).json()
    assert told["slots_from_entities"] == []
    assert told["tracker"]["slots"]["city"] == "Rome"


def test_what_is_there_is_told(client, run_of_both):
    assert client.get("/version").json()["version"] == version("diet-ted-trainer")
    status = client.get("/status").json()
    assert status["model_file"] == str(run_of_both)
    assert status["num_active_training_jobs"] == 0
    assert set(status["models"]) == {"diet", "ted"}
    assert status["answers"] == ["messages", "dialogues"]
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 200


def test_the_page_needs_nobody_else(client):
    response = client.get("/")
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    for elsewhere in ("http:", "https:", "src=", "@import", "url("):
        assert elsewhere not in response.text


def test_prometheus_is_told_of_requests_batches_and_the_model(client):
    client.post("/model/parse", json={"text": "hello"})
    client.post("/model/parse", content=b"{")
    client.get("/nowhere")
    text = client.get("/metrics").text
    assert 'serve_requests_total{path="/model/parse",status="200"} 1.0' in text
    assert 'serve_requests_total{path="/model/parse",status="400"} 1.0' in text
    assert 'serve_requests_total{path="other",status="404"} 1.0' in text
    assert 'serve_batch_questions_count{kind="messages"} 1.0' in text
    assert 'serve_model_step{model="diet"}' in text
    assert "process_resident_memory_bytes" in text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "No text message defined"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"text": "\\ud800"}', "surrogates not allowed"),
        (b'"hello"', "No text message defined"),
        (b"[]", "No text message defined"),
        (b"{}", "No text message defined"),
        (b'{"text": ["a"]}', "not a string"),
        (b'{"text": null}', "No text message defined"),
        (b'[{"text": "a"}, 3]', "No text message defined"),
        (b"9" * 5000, "not JSON"),
    ],
)
def test_a_malformed_message_is_refused(client, body, words):
    assert words in refusal(client.post("/model/parse", content=body), 400)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (None, "expected a list of events"),
        (3, "expected a list of events"),
        ([3], "event 0 has no 'event'"),
        ([{"event": "dance"}], "unknown kind 'dance'"),
        ([{"event": "user", "text": 3}], "event 0: 'text' is no string: 3"),
        ([{"event": "user", "parse_data": []}], "'parse_data' is no object"),
        ([{"event": "user", "parse_data": {"intent": {"name": {}}}}], "'name' is no string"),
        ([{"event": "user", "parse_data": {"entities": [{}]}}], "an entity needs a name"),
        ([{"event": "action"}], "an action needs a 'name'"),
        ([{"event": "slot", "value": 1}], "a slot needs a 'name'"),
        ([{"event": "active_loop", "name": 1}], "'name' is no string"),
        ([{"event": "action", "name": "x" * 10, "action_text": []}], "'action_text' is no string"),
    ],
)
def test_a_malformed_dialogue_is_refused(client, events, words):
    message = refusal(client.post("/model/predict", json=events), 400)
    assert message.startswith("Supplied events are not valid") and words in message


def test_what_is_too_large_is_refused(serving):
    limits = Limits(body_bytes=1000, text_characters=10, messages=2, dialogue_events=1)
    with serving(limits=limits) as client:
        assert "1000 bytes" in refusal(client.post("/model/parse", content=b" " * 1001), 413)
        chunks = client.post("/model/parse", content=iter([b"x" * 600, b"x" * 600]))
        assert "1000 bytes" in refusal(chunks, 413)
        assert chunks.headers["connection"] == "close"
        long = client.post("/model/parse", json={"text": "x" * 11})
        assert "11 characters; 10 are taken" in refusal(long, 413)
        many = client.post("/model/parse", json=[{"text": "x"}] * 3)
        assert "3 messages in a request; 2 are taken" in refusal(many, 413)
        dialogue = client.post("/model/predict", json=GREETING)
        assert "2 events; 1 are taken" in refusal(dialogue, 413)
        assert client.post("/model/parse", json={"text": "hello"}).status_code == 200


def test_other_paths_and_methods_are_refused(client):
    assert "GET /nowhere" in refusal(client.get("/nowhere"), 404)
    assert "GET /model/parse" in refusal(client.get("/model/parse"), 405)


@pytest.mark.parametrize("path", ["/model/parse", "/model/predict"])
def test_the_token_is_taken_as_rasas_clients_send_it(serving, path):
    with serving(auth_token="sécret") as client:
        body = {"text": "hi"} if path == "/model/parse" else GREETING
        refusal(client.post(path, json=body), 401)
        refusal(client.post(path, json=body, params={"token": "wrong"}), 401)
        refusal(client.post(path, json=body, headers={"authorization": "Bearer "}), 401)
        assert client.post(path, json=body, params={"token": "sécret"}).status_code == 200
        bearer = {"authorization": "Bearer sécret".encode()}
        assert client.post(path, json=body, headers=bearer).status_code == 200
        refusal(client.get("/status"), 401)
        refusal(client.put("/model"), 401)
        assert client.get("/health/ready").status_code == 200
        assert client.get("/").status_code == 200
        # rasa.core.http_interpreter puts it into the body.
        in_body = {"token": "sécret", "text": "hello", "message_id": "default"}
        assert client.post("/model/parse", json=in_body).status_code == 200
        refusal(client.post("/model/parse", json={"token": 3, "text": "hello"}), 401)


def test_a_model_that_is_not_there_is_a_conflict(serving, newest, monkeypatch):
    current = replace(newest.current, dialogues=None, domain=None)
    monkeypatch.setattr(newest, "current", current)
    with serving() as client:
        assert "dialogues" in refusal(client.post("/model/predict", json=GREETING), 409)
        assert client.get("/status").json()["answers"] == ["messages"]
        assert client.post("/model/parse", json={"text": "hello"}).status_code == 200
    monkeypatch.setattr(newest, "current", replace(current, messages=None))
    with serving() as client:
        assert "messages" in refusal(client.post("/model/parse", json={"text": "hello"}), 409)


def test_an_error_of_ours_is_one_line_too(serving, newest, monkeypatch):
    def broken(texts):
        raise ZeroDivisionError

    monkeypatch.setattr(newest, "current", replace(newest.current, messages=broken))
    with serving() as client:
        response = client.post("/model/parse", json={"text": "hello"})
        assert "unexpected error" in refusal(response, 500)
