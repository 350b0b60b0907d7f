"""Response selectors by the command line: trained beside DIET, going on, answering, exported."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from command_line import newest_variables
from faq_project import EXAMPLES, add_faq

from model.response_selector.options import ResponseSelectorOptions
from trainer.checkpoints.checkpoint import (
    checkpoints,
    read_state,
)
from trainer.config.options import TrainerOptions
from trainer.response_selector.config import ResponseSelectorConfig
from trainer.trained_run import TrainedRun


@pytest.fixture(scope="module")
def trained(tmp_path_factory, make_project, command):
    """DIET and two selectors, trained by one command: (project, run directory, result)."""
    directory = tmp_path_factory.mktemp("faq")
    project = add_faq(make_project(directory / "tiny"))
    result = command(
        *("--project", project, "--run-dir", directory / "run", "--epochs", 3),
        *("--set", "checkpoint_min_seconds=0"),
    )
    assert result.code == 0, result.err
    return project, directory / "run", result


def test_one_command_trains_every_selector_in_a_directory_of_its_own(trained):
    _, run, result = trained
    folders = {run: "diet", run / "response_selector": "response_selector"}
    folders[run / "response_selector_faq"] = "response_selector"
    for folder, model in folders.items():
        assert json.loads((folder / "run.json").read_text())["model"] == model
    assert "18 messages, " in result.err and "5 responses, no entities" in result.err
    assert "12 messages, " in result.err and "3 responses, no entities" in result.err


@pytest.mark.shows("response_selector.drop_small_last_batch")
def test_a_small_last_batch_is_dropped_on_request():
    options = ResponseSelectorOptions(drop_small_last_batch=True, batch_strategy="sequence")
    config = ResponseSelectorConfig((), options, TrainerOptions())
    assert config.schedule.drop_small_last_batch
    assert ResponseSelectorConfig.from_json(config.to_json()) == config
    assert config.name == "response_selector"
    named = dataclasses.replace(options, retrieval_intent="my faq")
    assert dataclasses.replace(config, response_selector=named).name == "response_selector_my_faq"


@pytest.mark.shows(
    "response_selector.batch_size",
    "response_selector.epochs",
    "response_selector.learning_rate",
)
def test_each_selector_has_its_own_options(trained):
    _, run, _ = trained
    rows = (run / "response_selector" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["global_batch_size"] for row in rows] == [6, 7, 9]
    assert {"loss/response", "response_accuracy"} <= json.loads(rows[0]).keys()
    rows = (run / "response_selector_faq" / "metrics.jsonl").read_text().splitlines()
    assert {"loss/response", "loss/mask"} <= json.loads(rows[0]).keys()


@pytest.mark.slow
def test_an_interrupted_selector_goes_on_to_the_same_weights(trained, command, tmp_path):
    project, run, _ = trained
    cut = shutil.copytree(run, tmp_path / "run")
    for path in sorted((cut / "response_selector_faq" / "checkpoints").iterdir())[1:]:
        shutil.rmtree(path)  # as if it had ended after the first epoch
    result = command("--project", project, "--run-dir", cut, "--epochs", 3)
    assert result.code == 0, result.err
    assert result.out.count("Training was complete already") == 2
    assert "epoch 2/3" in result.err and "epoch 1/3" not in result.err
    first, second = (newest_variables(folder / "response_selector_faq") for folder in (run, cut))
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


def test_answers_hold_what_every_selector_says(trained, command):
    _, run, _ = trained
    result = command("predict", run, "when are you open", "/greet")
    answer, direct = map(json.loads, result.out.splitlines())
    assert answer["intent"]["name"] and "response_selector" not in direct
    said = answer["response_selector"]
    assert said.keys() == {"all_retrieval_intents", "default", "faq"}
    assert said["all_retrieval_intents"] == ["chat", "faq"]
    for selector, count in (("default", 5), ("faq", 3)):
        response, ranking = said[selector]["response"], said[selector]["ranking"]
        assert response.keys() == {
            "responses",
            "confidence",
            "intent_response_key",
            "utter_action",
        }
        assert response["utter_action"] == f"utter_{response['intent_response_key']}"
        assert len(ranking) == count
        assert sum(entry["confidence"] for entry in ranking) == pytest.approx(1, abs=1e-5)
        assert ranking[0]["confidence"] == response["confidence"]
    prices = [
        entry for entry in said["faq"]["ranking"] if entry["intent_response_key"] == "faq/price"
    ]
    assert len(prices) == 1


@pytest.mark.slow
def test_a_selector_alone_answers_from_its_own_directory(trained):
    _, run, _ = trained
    answer = TrainedRun(run / "response_selector_faq").answer("when are you open")
    together = TrainedRun(run).answer("when are you open")
    assert answer["response_selector"]["faq"] == together["response_selector"]["faq"]
    assert answer["intent"] == {"name": None, "confidence": 0.0} and answer["entities"] == []
    empty = TrainedRun(run / "response_selector_faq").answer("")["response_selector"]["faq"]
    assert empty == {
        "response": {
            "responses": None,
            "confidence": 0.0,
            "intent_response_key": None,
            "utter_action": "utter_None",
        },
        "ranking": [],
    }


def test_evaluation_asks_the_selector_of_each_intent(trained, command, tmp_path):
    project, run, _ = trained
    figures = tmp_path / "figures.json"
    result = command("evaluate", run, "--nlu", project / "data" / "faq.yml", "--json", figures)
    assert result.code == 0, result.err
    found = json.loads(figures.read_text())
    assert found["intent"]["messages"] == sum(map(len, EXAMPLES.values()))
    of_selectors = found["response_selector"]
    assert of_selectors["messages"] == 18
    assert of_selectors["checkpoint_steps"].keys() == {"default", "faq"}
    run = TrainedRun(run)
    right = 0
    for key, texts in EXAMPLES.items():
        selector = "faq" if key.startswith("faq/") else "default"
        for answer in run.answers(texts):
            response = answer["response_selector"][selector]["response"]
            right += response["intent_response_key"] == key
    assert of_selectors["accuracy"] == pytest.approx(right / 18)
    assert "response_selector: Responses" in result.out


@pytest.mark.slow
def test_an_exported_selector_answers_texts_as_it_does(trained, command, tmp_path):
    """The command has compared both signatures with the checkpoint, over all training texts."""
    _, run, _ = trained
    folder = run / "response_selector_faq"
    result = command("export", folder, "--out", tmp_path / "saved")
    assert result.code == 0, result.err
    extra = tmp_path / "saved" / "1" / "assets.extra"
    assert {"pipeline.json", "responses.json"} <= {path.name for path in extra.iterdir()}
    card = json.loads((extra / "model_card.json").read_text())
    assert card["verified"]["compared"].keys() == {"features of training texts", "training texts"}
    served = tf.saved_model.load(str(tmp_path / "saved" / "1")).signatures["serving_default"]
    texts = ["when are you open", ""]
    answer = served(text=tf.constant(texts))
    for row, said in enumerate(TrainedRun(folder).answers(texts)):
        ranking = said["response_selector"]["faq"]["ranking"]
        assert answer["response_counts"][row] == len(ranking)
        keys = answer["response_names"][row, : len(ranking)].numpy()
        assert [key.decode() for key in keys] == [one["intent_response_key"] for one in ranking]
        np.testing.assert_allclose(
            answer["response_confidences"][row, : len(ranking)],
            [one["confidence"] for one in ranking],
            rtol=1e-5,
        )


def test_a_selector_without_two_responses_is_left_out(trained, command, make_project, tmp_path):
    project = make_project(tmp_path / "tiny")  # no retrieval intents
    config = project / "config.yml"
    config.write_text(config.read_text() + "  - name: ResponseSelector\n")
    result = command("prepare", project, "--out", tmp_path / "prepared")
    assert result.code == 0, result.err
    assert (
        "ResponseSelector is not trained: retrieval intents must ask for at least 2" in result.err
    )
    arguments = ("--project", project, "--run-dir", tmp_path / "run-2")
    line = command(*arguments, "--model", "response_selector").line
    assert "not 0" in line


def test_the_same_selector_twice_is_refused(trained, command, make_project, tmp_path):
    project = add_faq(make_project(tmp_path / "tiny"))
    config = project / "config.yml"
    config.write_text(config.read_text() + "  - name: ResponseSelector\n")
    line = command("--project", project, "--run-dir", tmp_path / "run").line
    assert "ResponseSelector is configured twice" in line


def test_changed_responses_are_other_data(trained, command, make_project, tmp_path):
    _, run, _ = trained
    project = add_faq(make_project(tmp_path / "tiny"))
    domain = project / "domain.yml"
    domain.write_text(domain.read_text().replace("knock knock", "who is there"))
    cut = shutil.copytree(run, tmp_path / "run")
    line = command("--project", project, "--run-dir", cut, "--epochs", 3).line
    assert "other training data" in line


@pytest.mark.shows(
    "response_selector.random_seed",
    "response_selector.evaluate_on_number_of_examples",
    "response_selector.evaluate_every_number_of_epochs",
    "response_selector.checkpoint_model",
)
@pytest.mark.slow
def test_held_out_examples_decide_which_weights_answer(trained, command, tmp_path):
    project, _, _ = trained
    held_out = ("evaluate_on_number_of_examples=5", "evaluate_every_number_of_epochs=1")
    settings = [word for s in (*held_out, "checkpoint_model=true") for word in ("--set", s)]
    result = command(
        *("--project", project, "--model", "response_selector", "--run-dir", tmp_path / "run"),
        *("--epochs", 3, "--seed", 5, *settings),
    )
    assert result.code == 0, result.err
    rows = [json.loads(r) for r in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert {"val_loss/response", "val_response_accuracy"} <= rows[0].keys()
    run = next(iter(TrainedRun(tmp_path / "run").of_messages.values()))
    states = map(read_state, checkpoints(tmp_path / "run" / "checkpoints"))
    (best,) = (s["metrics"] for s in states if s["position"]["step"] == run.step)
    accuracies = [row["val_response_accuracy"] for row in rows]
    assert best["val_response_accuracy"] == max(accuracies)
