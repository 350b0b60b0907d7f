"""Which policy's word counts: that of unexpected intents before TED's, as in Rasa."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from web.http_answers import GREETING

from data_pipeline.dialogue.domain.events import LISTEN, UserUttered
from trainer.serving.sources.policies import ensemble

VERDICT = {
    "query_intent": {"name": "greet", "score": -2.0, "threshold": 0.5, "severity": 2.5},
    "ranking": [{"name": "fly", "score": 1.0, "threshold": 0.0, "severity": -1.0}],
}


@pytest.fixture
def judged(newest):
    """`judged(unlikely)`: the run with such verdicts on whatever greets, none on the rest."""
    domain = newest.current.domain
    ranking = [{"name": action, "confidence": 0.1} for action in reversed(domain.actions)]

    def with_verdict(unlikely):
        def remarks(dialogues):
            greeted = [events[-1] == UserUttered("greet", "hello you") for events in dialogues]
            return [VERDICT | {"unlikely": unlikely} if greets else None for greets in greeted]

        acting = SimpleNamespace(
            component="TEDPolicy",
            domain=domain,
            next_actions=lambda dialogues: [ranking] * len(dialogues),
        )
        remarking = SimpleNamespace(component="UnexpecTEDIntentPolicy", remarks=remarks)
        return ensemble(acting, [remarking])

    return with_verdict


def test_an_unexpected_intent_is_certain_to_be_told(newest, judged, serving, monkeypatch):
    current = replace(newest.current, dialogues=judged(True))
    monkeypatch.setattr(newest, "current", current)
    with serving() as client:
        told = client.post("/model/predict", json=GREETING).json()
        assert told["policy"] == "UnexpecTEDIntentPolicy" and told["confidence"] == 1.0
        assert told["scores"][0] == {"action": "action_unlikely_intent", "score": 1.0}
        assert {score["score"] for score in told["scores"][1:]} == {0.0}
        named = [score["action"] for score in told["scores"]]
        assert sorted(named) == sorted(newest.current.domain.actions)
        assert told["action_metadata"] == VERDICT


def test_ted_decides_whatever_else_there_is_to_decide(newest, judged):
    greeting = [LISTEN, UserUttered("greet", "hello you")]
    for unlikely, dialogues in ((False, [greeting, [LISTEN]]), (True, [[LISTEN]])):
        for prediction in judged(unlikely)(dialogues):
            assert prediction.policy == "TEDPolicy" and prediction.metadata is None
            assert prediction.confidence == 0.1
            assert prediction.ranking[0]["name"] == newest.current.domain.actions[-1]
