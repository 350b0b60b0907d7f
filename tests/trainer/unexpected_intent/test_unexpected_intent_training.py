"""The model of unexpected intents by the command line: trained beside TED, going on, answering."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from command_line import newest_variables
from dialogue_project import POLICIES, UNEXPECTED, add_dialogues

from data_pipeline.dialogue.domain.events import LISTEN, ActionExecuted, UserUttered
from data_pipeline.dialogue_graph.turns import request_of, turns_of_events
from trainer.checkpoints.checkpoint import (
    checkpoints,
    newest_checkpoint,
    read_position,
    read_state,
)
from trainer.unexpected_intent.thresholds import THRESHOLDS_FILE
from trainer.unexpected_intent.trained import TrainedUnexpectedIntent

BY_HEART = UNEXPECTED.replace("epochs: 3", "epochs: 30") + (
    "    connection_density: 1.0\n    drop_rate_dialogue: 0\n    ignore_intents_list: [weather]\n"
)
UNGLUED = ("--set", "augmentation_factor=0")
TEST_STORIES = """
version: "3.1"
stories:
- story: as learnt
  steps:
  - intent: greet
  - action: utter_hello
  - intent: fly
    entities:
    - city: Rome
  - action: action_search
  - intent: price
- story: surprising
  steps:
  - intent: greet
  - action: utter_hello
  - intent: greet
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory, make_project, command):
    """A project whose TED and model of unexpected intents were trained by one command."""
    directory = tmp_path_factory.mktemp("unexpected")
    project = add_dialogues(make_project(directory / "tiny"), POLICIES + BY_HEART)
    (project / "data" / "nlu.yml").rename(directory / "nlu.yml")  # no DIET, for speed
    result = command(
        *("--config", project / "config.yml", "--domain", project / "domain.yml"),
        *("--stories", project / "data", "--run-dir", directory / "run", *UNGLUED),
        *("--set", "checkpoint_min_seconds=0"),
    )
    assert result.code == 0, result.err
    return project, directory / "run", result


@pytest.fixture(scope="module")
def run(both):
    return both[1] / "unexpected_intent"


@pytest.fixture
def told(tmp_path):
    path = tmp_path / "test_stories.yml"
    path.write_text(TEST_STORIES, encoding="utf-8")
    return path


@pytest.fixture
def train(both, command):
    """`train(run_dir, *options)`: trains the model alone on the stories of `both`."""

    def go(run_dir, *options):
        return command(
            *("--config", both[0] / "config.yml", "--domain", both[0] / "domain.yml"),
            *("--stories", both[0] / "data", "--model", "unexpected_intent"),
            *("--run-dir", run_dir, *UNGLUED, *options),
        )

    return go


def by_story(printed):
    answers = {answer["story"]: answer for answer in map(json.loads, printed.splitlines())}
    assert len(answers) == 2
    return answers["as learnt"], answers["surprising"]


@pytest.mark.shows(
    *(f"unexpected_intent.{name}" for name in ("epochs", "batch_size", "learning_rate"))
)
def test_one_command_trains_both_policies(both, run):
    _, ted, result = both
    for directory, model in ((ted, "ted"), (run, "unexpected_intent")):
        assert json.loads((directory / "run.json").read_text())["model"] == model
    assert "3 epochs of TED" in result.out and "30 epochs of UNEXPECTED_INTENT" in result.out
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert rows[0]["global_batch_size"] == 5
    assert {"loss/intent", "intent_accuracy", "l2"} <= rows[0].keys()
    assert "5 intents have a threshold below which they are unexpected; 5 others" in result.err
    assert (
        json.loads((run / THRESHOLDS_FILE).read_text())["step"]
        == read_position(newest_checkpoint(run / "checkpoints")).step
    )


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_weights_and_thresholds(run, train, tmp_path):
    cut = shutil.copytree(run, tmp_path / "run")
    for path in checkpoints(cut / "checkpoints")[1:]:
        shutil.rmtree(path)
    (cut / THRESHOLDS_FILE).unlink()
    result = train(cut)
    assert result.code == 0, result.err
    assert "epoch 30/30" in result.err and "epoch 1/30" not in result.err
    for name, values in newest_variables(run).items():
        np.testing.assert_array_equal(values, newest_variables(cut)[name], err_msg=name)
    assert (cut / THRESHOLDS_FILE).read_bytes() == (run / THRESHOLDS_FILE).read_bytes()


def test_thresholds_of_an_earlier_checkpoint_do_not_count(run, train, tmp_path, caplog):
    cut = shutil.copytree(run, tmp_path / "run")
    stored = json.loads((cut / THRESHOLDS_FILE).read_text())
    (cut / THRESHOLDS_FILE).write_text(json.dumps({**stored, "step": 1}))
    assert TrainedUnexpectedIntent.load(cut).thresholds is None
    assert "has no thresholds for its newest checkpoint" in caplog.text
    result = train(cut)  # it is complete, but for them
    assert "Training was complete already" in result.out
    assert json.loads((cut / THRESHOLDS_FILE).read_text()) == stored
    (cut / THRESHOLDS_FILE).write_text("{")
    assert "thresholds.json is damaged" in train(cut).line


def test_a_prediction_tells_whether_that_was_to_be_expected(both, command, told):
    _, run, _ = both
    result = command("predict", run, "--stories", told)
    assert result.code == 0, result.err
    learnt, surprising = by_story(result.out)
    assert learnt["actions"] and learnt["state"]["intent"] == "price"
    # Five seeds: `price` leads by 0.8 or more, and `greet` misses its threshold by 0.16 or more.
    assert not learnt["unexpected_intent"]["unlikely"]
    verdict = surprising["unexpected_intent"]
    assert verdict["unlikely"] and verdict["query_intent"]["name"] == "greet"
    asked = verdict["query_intent"]
    assert asked["severity"] == pytest.approx(asked["threshold"] - asked["score"])
    scores = [intent["score"] for intent in verdict["ranking"]]
    assert len(scores) == 10 and scores == sorted(scores, reverse=True)


def test_it_answers_alone_and_a_typed_dialogue_shows_it(both, run, command, told, monkeypatch):
    alone = command("predict", run, "--stories", told)
    assert alone.code == 0, alone.err
    answers = by_story(alone.out)
    assert [answer["unexpected_intent"]["unlikely"] for answer in answers] == [False, True]
    assert "actions" not in answers[0]
    monkeypatch.setattr("sys.stdin", io.StringIO("/greet\n/greet\n- utter_hello\n"))
    typed = command("predict", both[1], "--dialogue")
    assert typed.code == 0, typed.err
    shown = [line for line in typed.out.splitlines() if line.startswith("unexpected_intent: ")]
    assert len(shown) == 2  # the bot's action asks nothing
    assert json.loads(shown[0].partition(" ")[2])["query_intent"]["name"] == "greet"


def test_evaluation_counts_surprises_and_shows_their_stories(both, command, told, tmp_path):
    result = command(
        *("evaluate", both[1], "--stories", told, "--json", tmp_path / "figures.json"),
        *("--failures", tmp_path / "failures.txt"),
    )
    assert result.code == 0, result.err
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["action"]["actions"] > 0  # TED's come as they are
    found = figures["unexpected_intent"]
    # Five seeds: of what dialogues begin with, `greet` is never the most similar.
    assert found["intent"] == {"steps": 5, "unlikely": 1, "accuracy": 0.4}
    assert found["dialogue"] == {"dialogues": 2, "with_warnings": 1}
    assert found["unlikely"] == [{"intent": "greet", "count": 1}]
    assert "1 of 3 times: greet" in result.out
    failures = (tmp_path / "failures.txt").read_text()
    assert "  > user: greet, unlikely here (similarity" in failures


@pytest.mark.shows("unexpected_intent.ignore_intents_list")
def test_an_ignored_intent_is_never_unexpected(run):
    trained = TrainedUnexpectedIntent.load(run)
    far_off = np.full(len(trained.intents), 0, np.float32)
    far_off[trained.intents.index("weather")] = far_off[trained.intents.index("bye")] = -1e3
    assert trained.verdict(far_off, "bye")["unlikely"]
    assert not trained.verdict(far_off, "weather")["unlikely"]


@pytest.mark.slow
def test_the_saved_model_judges_dialogues_turn_by_turn(run, command, tmp_path):
    """The command has compared it with the checkpoint; here it is asked as a client would."""
    result = command("export", run, "--out", tmp_path / "saved")
    assert result.code == 0, result.err
    extra = tmp_path / "saved" / "1" / "assets.extra"
    assert (extra / THRESHOLDS_FILE).read_bytes() == (run / THRESHOLDS_FILE).read_bytes()
    assert (extra / "dialogue.json").is_file()
    verified = json.loads((extra / "model_card.json").read_text())["verified"]
    assert verified["compared"]["dialogues made up from the domain"] > 5
    signatures = tf.saved_model.load(str(tmp_path / "saved" / "1")).signatures
    assert set(signatures) == {"features", "unexpected_intent", "serving_default"}
    said = UserUttered("greet")
    hello = [LISTEN, said, ActionExecuted("utter_hello")]
    dialogues = [[LISTEN, said], [*hello, LISTEN, said], [LISTEN, UserUttered("dance")], hello]
    trained = TrainedUnexpectedIntent.load(run)
    domain = trained.featurizer.domain
    request = request_of([turns_of_events(events, domain) for events in dialogues])
    answer = signatures["unexpected_intent"](**{k: tf.constant(v) for k, v in request.items()})
    assert answer["unlikely"].numpy().tolist() == [False, True, False, False]
    assert np.isnan(answer["scores"][2:]).all() and np.isnan(answer["thresholds"][2:]).all()
    for row, events in enumerate(dialogues[:2]):
        (remark,) = trained.remarks([events])
        asked, ranking = remark["query_intent"], remark["ranking"]
        assert float(answer["scores"][row]) == pytest.approx(asked["score"], abs=1e-5)
        assert float(answer["thresholds"][row]) == pytest.approx(asked["threshold"], abs=1e-6)
        names = [name.decode() for name in answer["intent_names"][row].numpy()]
        assert names[:3] == [intent["name"] for intent in ranking[:3]]
        of_intents = answer["intent_thresholds"][row].numpy()
        expected = [np.nan if i["threshold"] is None else i["threshold"] for i in ranking]
        np.testing.assert_allclose(sorted(of_intents), sorted(expected), atol=1e-6)
    nothing = {key: tf.constant(value[:0]) for key, value in request.items()}
    assert signatures["serving_default"](**nothing)["unlikely"].shape == [0]


@pytest.mark.shows(
    *(
        f"unexpected_intent.{name}"
        for name in (
            "random_seed",
            "evaluate_every_number_of_epochs",
            "evaluate_on_number_of_examples",
            "checkpoint_model",
            "max_history",
        )
    )
)
def test_thresholds_are_of_the_weights_that_answer(train, tmp_path):
    held_out = ("evaluate_on_number_of_examples=2", "evaluate_every_number_of_epochs=1")
    settings = [
        word
        for setting in (*held_out, "checkpoint_model=true", "max_history=2")
        for word in ("--set", f"unexpected_intent.{setting}")
    ]
    result = train(tmp_path / "run", *settings, "--epochs", 4, "--seed", 5)
    assert result.code == 0, result.err
    trained = TrainedUnexpectedIntent.load(tmp_path / "run")
    rows = [json.loads(r) for r in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    states = map(read_state, checkpoints(tmp_path / "run" / "checkpoints"))
    (best,) = (s["metrics"] for s in states if s["position"]["step"] == trained.step)
    assert best["val_intent_accuracy"] == max(row["val_intent_accuracy"] for row in rows)
    assert trained.thresholds.step == trained.step


BY_TEXT = "- story: by text\n  steps:\n  - user: hello there\n  - action: utter_hello\n"


@pytest.mark.slow
def test_stories_by_texts_are_left_out(make_project, command, tmp_path):
    project = add_dialogues(make_project(tmp_path / "tiny"), POLICIES + UNEXPECTED)
    stories = project / "data" / "stories.yml"
    stories.write_text(stories.read_text() + BY_TEXT)
    arguments = ("--project", project, "--model", "unexpected_intent", *UNGLUED)
    result = command(*arguments, "--run-dir", tmp_path / "run", "--epochs", 1)
    assert result.code == 0, result.err
    # Intents are told apart by their words then, which is what TED does.
    pipelines = tmp_path / "run" / "pipelines"
    assert {path.name for path in pipelines.iterdir()} == {"intent", "action_name", "text"}
    assert TrainedUnexpectedIntent.load(tmp_path / "run").model.sizes.labels.widths


def test_without_stories_by_intents_nothing_is_trained(make_project, command, tmp_path):
    project = add_dialogues(make_project(tmp_path / "tiny"), POLICIES + UNEXPECTED)
    (project / "data" / "stories.yml").write_text('version: "3.1"\nstories:\n' + BY_TEXT)
    arguments = ("--project", project, "--model", "unexpected_intent")
    line = command(*arguments, "--run-dir", tmp_path / "none").line
    assert "UnexpecTEDIntentPolicy is not trained: in every story something is said by" in line


def test_an_intent_that_the_domain_lacks_is_refused(both, make_project, command, tmp_path):
    project = add_dialogues(make_project(tmp_path / "tiny"), POLICIES + UNEXPECTED)
    stories = project / "data" / "stories.yml"
    stories.write_text(stories.read_text().replace("intent: price", "intent: prize"))
    line = command(
        *("--project", project, "--model", "unexpected_intent", "--run-dir", tmp_path / "run")
    ).line
    assert "UnexpecTEDIntentPolicy must know all intents" in line
    assert "'prize', first at " in line and "stories.yml:" in line
