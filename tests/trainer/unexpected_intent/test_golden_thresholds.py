"""Thresholds, verdicts and rankings against Rasa's, given Rasa's similarities."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from goldens import Golden

from model.unexpected_intent.options import UnexpectedIntentOptions
from trainer.config.options import TrainerOptions
from trainer.unexpected_intent.config import UnexpectedIntentConfig
from trainer.unexpected_intent.thresholds import TOLERANCES, Thresholds
from trainer.unexpected_intent.trained import TrainedUnexpectedIntent


@pytest.fixture(scope="module", params=["unexpected_intent_states", "unexpected_intent_single"])
def golden(request):
    return Golden(request.param)


@pytest.fixture(scope="module")
def similarities(golden):
    return golden["output"]["raw/similarities"][:, 0]


@pytest.fixture(scope="module")
def intents(golden):
    return [f"intent_{number}" for number in range(golden.options["intents"])]


@pytest.fixture(scope="module")
def thresholds(golden, similarities, intents):
    ids = golden["input"]["label/ids"][..., 0].astype(np.int32)
    return Thresholds.learn(similarities, ids, intents, step=7)


def test_thresholds_of_every_tolerance_are_rasas(golden, thresholds, intents):
    rasas = {
        intents[int(name.removeprefix("quantiles/"))]: values.tolist()
        for name, values in golden["output"].items()
        if name.startswith("quantiles/")
    }
    assert thresholds.quantiles == rasas
    assert all(len(of_intent) == len(TOLERANCES) for of_intent in rasas.values())


@pytest.mark.shows(
    *(f"unexpected_intent.{option}" for option in ("tolerance", "ignore_intents_list")),
    "unexpected_intent.ranking_length",
)
def test_verdicts_and_rankings_are_rasas(golden, similarities, thresholds, intents):
    answers = json.loads(str(golden["output"]["answers"]))
    featurizer = SimpleNamespace(domain=SimpleNamespace(intents=intents))
    for answer in answers:
        given = ("tolerance", "ignore_intents_list", "ranking_length")
        options = UnexpectedIntentOptions(**{option: answer[option] for option in given})
        config = UnexpectedIntentConfig((), options, TrainerOptions())
        trained = TrainedUnexpectedIntent(config, featurizer, None, 7, thresholds)
        verdict = trained.verdict(similarities[answer["row"]], answer["intent"])
        expected = {"unlikely": answer["unlikely"], **answer["metadata"]}
        assert expected["query_intent"] == pytest.approx(verdict["query_intent"])
        assert len(expected["ranking"]) == len(verdict["ranking"])
        for ours, rasas in zip(verdict["ranking"], expected["ranking"], strict=True):
            assert ours == pytest.approx(rasas)
        assert verdict["unlikely"] == expected["unlikely"]


def test_some_of_rasas_verdicts_are_surprises():
    answers = json.loads(str(Golden("unexpected_intent_single")["output"]["answers"]))
    assert {answer["unlikely"] for answer in answers} == {True, False}


def test_an_intent_that_all_examples_go_on_with_must_be_as_similar_as_in_the_worst():
    learnt = Thresholds.learn(
        np.array([[0.5, 1], [0.25, 2]], np.float32), np.array([[0, 1], [0, -1]]), ["a", "b"], 1
    )
    assert learnt.of("a", 0.0) == learnt.of("a", 1.0) == 0.25
    assert learnt.of("b", 0.0) == 1  # the other example says 2, but this one must be reached
    assert learnt.of("c", 0.0) is None
