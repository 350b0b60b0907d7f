"""predict: what an answer holds, rankings, and direct intents (spec 9)."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from trainer.diet.trained import TrainedDIET
from trainer.messages.direct_intent import direct_intent


@pytest.fixture(scope="module")
def run(trained):
    return TrainedDIET.load(trained.run)


def with_options(run, **options):
    diet = dataclasses.replace(run.config.diet, **options)
    return dataclasses.replace(run, config=dataclasses.replace(run.config, diet=diet))


TEXTS = (
    "fly from Rome to Oslo",
    '/greet@0.5{"city": "Rome"}',
    "",
    "hello you",
    "an unknown unheard sentence about weather in Bern and Paris today",
)


def test_predict_prints_an_object_per_text_in_order(command, trained, tmp_path):
    (tmp_path / "texts.txt").write_text("goodbye you\r\nweather in Rome\n")
    result = command("predict", trained.run, *TEXTS[:2], "--file", tmp_path / "texts.txt")
    assert result.code == 0
    answers = [json.loads(line) for line in result.out.splitlines()]
    assert [a["text"] for a in answers] == [*TEXTS[:2], "goodbye you", "weather in Rome"]
    for answer in answers:
        keys = {"text", "intent", "entities", "text_tokens", "intent_ranking"}
        assert answer.keys() == keys
        assert answer["intent"] == answer["intent_ranking"][0]
    assert answers[0]["text_tokens"] == [[0, 3], [4, 8], [9, 13], [14, 16], [17, 21]]


def test_confidences_of_all_intents_descend_and_sum_to_one(run):
    (answer,) = run.answer(["hello you"])
    assert sorted(i["name"] for i in answer["intent_ranking"]) == list(run.pipeline.labels)
    confidences = [i["confidence"] for i in answer["intent_ranking"]]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1, abs=1e-6)


def test_a_text_without_words_has_no_intent(run):
    (answer,) = run.answer([""])
    assert answer["intent"] == {"name": None, "confidence": 0.0}
    assert answer["intent_ranking"] == [] and answer["entities"] == []


def test_an_answer_does_not_depend_on_its_neighbours(run):
    together = list(run.answer(TEXTS))
    for text, answer in zip(TEXTS, together, strict=True):
        (alone,) = run.answer([text])
        assert len(alone["entities"]) == len(answer["entities"])
        for one, other in zip(alone["entities"], answer["entities"], strict=True):
            certain = {key for key in one if key.startswith("confidence")}
            assert {k: one[k] for k in certain} == pytest.approx(
                {k: other[k] for k in certain}, abs=1e-6
            )
            assert one.keys() == other.keys()
            assert all(one[key] == other[key] for key in one.keys() - certain)
        names = [i["name"] for i in alone["intent_ranking"]]
        assert names == [i["name"] for i in answer["intent_ranking"]]
        np.testing.assert_allclose(
            [i["confidence"] for i in alone["intent_ranking"]],
            [i["confidence"] for i in answer["intent_ranking"]],
            atol=1e-6,
        )


def test_entities_have_rasas_fields(run):
    tokens = run.pipeline.tokenizer.tokenize("fly from Rome to big apple")
    tags = run.pipeline.tags.tags
    entity, role = np.zeros(6, int), np.zeros(6, int)
    entity[2], role[2] = tags["entity"].index("U-city"), tags["role"].index("U-from")
    entity[4:], role[4:] = (
        [tags[head].index(f"{prefix}-{name}") for prefix in "BL"]
        for head, name in (("entity", "city"), ("role", "to"))
    )
    outputs = {"entity_tags": entity, "role_tags": role}
    outputs |= {"entity_confidences": np.full(6, 0.75), "role_confidences": np.full(6, 0.5)}
    first, second = run._entities("fly from Rome to big apple", tokens, outputs)
    assert first == {
        "entity": "city",
        "start": 9,
        "end": 13,
        "confidence_entity": 0.75,
        "role": "from",
        "confidence_role": 0.5,
        "value": "Rome",
        "extractor": "DIETClassifier",
        "processors": ["EntitySynonymMapper"],
    }
    assert second["value"] == "New York" and second["processors"] == ["EntitySynonymMapper"]
    without = dataclasses.replace(run, config=dataclasses.replace(run.config, maps_synonyms=False))
    assert without._entities("fly from Rome to big apple", tokens, outputs)[1]["value"] == (
        "big apple"
    )


# --- Ranking --------------------------------------------------------------------------------------


def ranking(run, confidences, **options):
    ranked = with_options(run, **options)._ranking(np.array(confidences, np.float32))
    return [(run.pipeline.labels.index(i["name"]), i["confidence"]) for i in ranked]


CONFIDENCES = (0.1, 0.4, 0.1, 0.3, 0.1)


def test_of_equally_sure_intents_the_later_one_comes_first(run):
    assert [index for index, _ in ranking(run, CONFIDENCES)] == [1, 3, 4, 2, 0]


@pytest.mark.shows("diet.ranking_length")
@pytest.mark.parametrize(("length", "kept"), [(1, 1), (3, 3), (5, 5), (10, 5), (0, 5)])
def test_the_ranking_is_cut(run, length, kept):
    ranked = ranking(run, CONFIDENCES, ranking_length=length)
    assert [index for index, _ in ranked] == [1, 3, 4, 2, 0][:kept]
    np.testing.assert_allclose(
        [c for _, c in ranked], sorted(CONFIDENCES, reverse=True)[:kept], rtol=1e-6
    )


@pytest.mark.shows("diet.renormalize_confidences")
def test_a_cut_ranking_can_be_made_to_sum_to_one(run):
    ranked = ranking(run, CONFIDENCES, ranking_length=2, renormalize_confidences=True)
    np.testing.assert_allclose([c for _, c in ranked], [4 / 7, 3 / 7], rtol=1e-6)


def test_a_whole_ranking_is_left_as_it_is(run):
    halves = np.array(CONFIDENCES) / 2
    ranked = ranking(run, halves, ranking_length=5, renormalize_confidences=True)
    assert sum(c for _, c in ranked) == pytest.approx(0.5)


# --- Direct intents -------------------------------------------------------------------------------


def test_a_direct_intent_is_taken_as_it_is_written():
    text = '/book@0.9{"city": "Rome", "date": ["today", "now"]}'
    answer = direct_intent(text)
    assert answer["text"] == text
    assert answer["intent"] == {"name": "book", "confidence": 0.9}
    assert answer["intent_ranking"] == [answer["intent"]]
    assert [(e["entity"], e["value"]) for e in answer["entities"]] == [
        ("city", "Rome"),
        ("date", "today"),
        ("date", "now"),
    ]
    assert {(e["start"], e["end"]) for e in answer["entities"]} == {(9, len(text))}


@pytest.mark.parametrize(
    ("text", "name", "confidence", "entities"),
    [
        ("/greet", "greet", 1.0, 0),
        ("  /greet  ", "greet", 1.0, 0),
        ("/greet@0.25", "greet", 0.25, 0),
        ('/greet{"a": 1}', "greet", 1.0, 1),
        ("/faq/ask_hours", "faq/ask_hours", 1.0, 0),
        ("/greet{}", "greet", 1.0, 0),
        ("/", None, None, None),
        ("/greet@1.2.3", None, None, None),
        ('/greet{"a": }', None, None, None),
        ("greet", None, None, None),
        ("and/or", None, None, None),
    ],
)
def test_what_is_a_direct_intent_and_what_is_a_text(text, name, confidence, entities):
    answer = direct_intent(text)
    if name is None:
        assert answer is None
    else:
        assert answer["intent"] == {"name": name, "confidence": confidence}
        assert len(answer["entities"]) == entities


def test_the_model_is_not_asked_for_direct_intents(run):
    answers = list(run.answer(["/no_such_intent@0.5", "hello you", "/other"]))
    assert [a["intent"]["name"] for a in answers][::2] == ["no_such_intent", "other"]
    assert answers[1]["intent"]["name"] in run.pipeline.labels
