"""evaluate: figures against plain counting (spec 10)."""

from __future__ import annotations

import json

import numpy as np
import pytest

from data_pipeline.rasa_files.training_items import Entity, Message, Token
from trainer.diet.evaluate import _intents, as_predicted, span_micro_f1, token_label


def plain_f1(gold, predicted):
    right = sum(len(a & b) for a, b in zip(gold, predicted, strict=True))
    return 2 * right / (sum(map(len, gold)) + sum(map(len, predicted)))


@pytest.mark.parametrize("seed", range(10))
def test_span_f1_counts_spans_with_both_borders_and_the_type_right(seed):
    random = np.random.default_rng(seed)

    def messages(count):
        """Spans that touch but do not overlap, from few enough possibilities to coincide."""
        return [
            {
                (4 * place, 4 * place + int(random.integers(3, 5)), "ab"[random.integers(2)])
                for place in range(3)
                if random.random() < 0.6
            }
            for _ in range(count)
        ]

    gold, predicted = messages(20), messages(20)
    expected = plain_f1(gold, predicted)
    assert 0 < expected < 1
    assert span_micro_f1(gold, predicted) == pytest.approx(expected)


def test_span_f1_at_its_ends():
    gold = [{(0, 3, "a")}, set()]
    nothing = [set(), set()]
    assert span_micro_f1(gold, gold) == 1
    assert span_micro_f1(gold, nothing) == 0
    assert span_micro_f1(nothing, gold) == 0
    assert span_micro_f1(nothing, nothing) == 0
    assert span_micro_f1(gold, [{(0, 3, "b")}, set()]) == 0
    assert span_micro_f1(gold, [{(0, 4, "a")}, set()]) == 0


def entity(name, start, end, **more):
    return {"entity": name, "start": start, "end": end, **more}


@pytest.mark.parametrize(
    ("entities", "label"),
    [
        ([], "no_entity"),
        ([entity("city", 10, 14)], "city"),
        ([entity("city", 9, 15, role="to")], "city.to"),
        ([entity("city", 10, 14, group="1")], "city.1"),
        ([entity("city", 10, 14, group="1", role="to")], "city.1.to"),
        ([entity("city", 0, 10), entity("date", 14, 20)], "no_entity"),  # only touching
        ([entity("city", 9, 11), entity("date", 11, 14)], "date"),  # covers more
        ([entity("city", 10, 12), entity("date", 12, 14)], "city"),  # as much: the first
    ],
)
def test_a_token_takes_the_entity_that_covers_most_of_it(entities, label):
    assert token_label(Token("Rome", 10, 14), entities) == label


def test_annotated_entities_are_compared_in_the_form_of_predicted_ones():
    given = as_predicted(Entity(10, 14, "city", "Rome", role="to"))
    assert token_label(Token("Rome", 10, 14), [given]) == "city.to"


def test_intent_figures_leave_out_messages_without_a_gold_intent():
    gold = ["a", "a", "a", "b", "b", None]
    predicted = ["a", "a", "b", "b", None, "a"]
    messages = [Message("text", intent) for intent in gold]
    answers = [{"intent": {"name": name}} for name in predicted]
    figures, table = _intents(messages, answers)
    # a: precision 1, recall 2/3; b: precision 1/2, recall 1/2.
    expected = (3 * 0.8 + 2 * 0.5) / 5
    assert figures["messages"] == 5 and figures["accuracy"] == pytest.approx(3 / 5)
    assert figures["weighted_f1"] == pytest.approx(expected)
    assert "a " in table and "b " in table


def test_without_gold_intents_there_are_no_intent_figures():
    figures, table = _intents([Message("text")], [{"intent": {"name": "a"}}])
    assert figures == {"messages": 0} and table == ""


def test_the_command_prints_and_writes_the_same_figures(command, trained, tmp_path):
    result = command(
        *("evaluate", trained.run, "--nlu", trained.project / "data"),
        *("--json", tmp_path / "new" / "figures.json"),
    )
    assert result.code == 0, result.err
    figures = json.loads((tmp_path / "new" / "figures.json").read_text())
    assert figures == json.loads(result.out[result.out.index("\n{") :])
    assert figures.keys() == {"intent", "entity", "messages", "checkpoint_step"}
    assert figures["messages"] == 42 and figures["entity"]["gold_spans"] == 50
    assert 0 <= figures["entity"]["span_micro_f1"] <= 1
