"""diet_ted_exports in a Rasa environment: what Rasa answers with exports is what the runs answer.

RASA_PYTHON names the Python of an environment that has Rasa 3.6. Without it one is made, which
takes minutes and a package index; where there is no Python 3.10 for it, the tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import CommandLine
from faq_project import DOMAIN as FAQ_DOMAIN
from faq_project import add_faq
from stories_project import DOMAIN, POLICIES, UNEXPECTED, add_dialogues

import trainer
from trainer.export.saved_model import ExportOptions
from trainer.serving.tracker_events import told_events

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "serving" / "rasa"
RASA = ("rasa==3.6.21", "setuptools<81")
"""Rasa imports pkg_resources, which later setuptools do not have."""

FURTHER_SLOTS = """\
  drinks: {type: list, mappings: [{type: custom}]}
  size: {type: categorical, values: [Small, Large], mappings: [{type: custom}]}
  people: {type: float, max_value: 10, mappings: [{type: custom}]}
  paid: {type: bool, mappings: [{type: custom}]}
  note: {type: any, mappings: [{type: custom}]}
"""
RULES = """
version: "3.1"
rules:
- rule: a joke
  steps:
  - intent: chat
  - action: utter_chat
"""
TEXTS = [
    "fly from Rome to New York",
    "a tea and a coffee please",
    "hello",
    "when are you open",
    "ÉÈ 😀 from Berlin to Oslo",
    "",
]


def said(intent, *entities):
    """Listening, and a user's message, as Rasa's events."""
    found = [{"entity": name, "value": "Rome", "role": role} for name, role in entities]
    parsed = {"intent": {"name": intent, "confidence": 1.0}, "entities": found, "text": "x"}
    return [done("action_listen"), {"event": "user", "text": "x", "parse_data": parsed}]


def done(name, **more):
    return {"event": "action", "name": name, **more}


def slot(name, value):
    return {"event": "slot", "name": name, "value": value}


BEGIN = [done("action_session_start"), {"event": "session_started"}]
SLOTS = [
    *[slot("city", "Rome"), slot("drinks", ["tea"]), slot("size", "small"), slot("people", 4)],
    *[slot("paid", False), slot("note", {"a": 1})],
]
DIALOGUES = {
    "just begun": [*BEGIN, done("action_listen")],
    "greeted": [*BEGIN, *said("greet")],
    "out of the blue": [*BEGIN, *said("goodbye")],
    "slots of all types": [*BEGIN, *said("travel", ("city", "to")), *SLOTS, done("ask_city")],
    "slots that are nothing": [
        *[*BEGIN, *said("travel"), slot("city", ""), slot("drinks", []), slot("size", "huge")],
        *[slot("people", "many"), slot("paid", "perhaps"), done("ask_city"), slot("city", "null")],
        *said("order", ("drink", None)),
    ],
    "a rule's turn": [
        *[*BEGIN, *said("greet"), done("say_hello"), *said("chat")],
        *[done("utter_chat", hide_rule_turn=True), done("action_listen", hide_rule_turn=True)],
        *said("order")[1:],
    ],
    "judged before": [*BEGIN, *said("goodbye"), done("action_unlikely_intent")],
    "longer than it looks back": [*BEGIN, *[*said("order"), done("serve")] * 6, *said("travel")],
    "started again": [*BEGIN, *said("order"), done("serve"), {"event": "restart"}, *said("travel")],
}
COMPONENTS = {
    "pipeline": [
        {"name": "WhitespaceTokenizer"},
        {"name": "diet_ted_exports.diet.ExportedDIETClassifier", "model": "exports/diet"},
        {"name": "diet_ted_exports.responses.ExportedResponseSelector", "model": "exports/all"},
        {"name": "diet_ted_exports.responses.ExportedResponseSelector", "model": "exports/faq"},
    ],
    "policies": [
        {"name": "RulePolicy"},
        {"name": "diet_ted_exports.ted.ExportedTEDPolicy", "model": "exports/ted"},
        {
            "name": "diet_ted_exports.unexpected.ExportedUnexpecTEDIntentPolicy",
            "model": "exports/unexpected",
        },
    ],
}
EXPORTS = {
    "diet": "",
    "all": "response_selector",
    "faq": "response_selector_faq",
    "ted": "ted",
    "unexpected": "unexpected_intent",
}


@pytest.fixture(scope="module")
def rasa_python(tmp_path_factory) -> str:
    """The Python of an environment with Rasa."""
    given = os.environ.get("RASA_PYTHON")
    if given:
        return given
    python = shutil.which("python3.10")
    trial = (python, "-c", "import venv, ensurepip")  # commands of version managers may not run
    if not python or subprocess.run(trial, capture_output=True).returncode:
        pytest.skip("needs Python 3.10 to install Rasa, or RASA_PYTHON")
    place = tmp_path_factory.mktemp("rasa") / "venv"
    subprocess.run([python, "-m", "venv", place], check=True)
    made = str(place / "bin" / "python")
    pip = [made, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *RASA]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"Rasa cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    return made


@dataclass(frozen=True)
class RasaProject:
    """A Rasa project whose models are exports.

    Attributes:
        python: of Rasa's environment.
        folder: of the project.
        run: in which the models were trained.
    """

    python: str
    folder: Path
    run: Path

    def start(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Start Rasa's Python in the project, with the components and without our packages."""
        environment = {
            **os.environ,
            **{"PYTHONPATH": str(PLUGIN), "RASA_TELEMETRY_ENABLED": "false"},
            **{"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        }
        line = [self.python, *map(str, arguments)]
        return subprocess.run(
            line, cwd=self.folder, env=environment, capture_output=True, text=True
        )

    @cached_property
    def said(self) -> dict[str, Any]:
        """What Rasa says of `TEXTS` and `DIALOGUES` (`inside_rasa.py`)."""
        questions, answers = self.folder / "questions.json", self.folder / "answers.json"
        asked = {"texts": TEXTS, "dialogues": list(DIALOGUES.values())}
        questions.write_text(json.dumps(asked), encoding="utf-8")
        program = Path(__file__).with_name("inside_rasa.py")
        done = self.start(program, self.folder, questions, answers)
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(answers.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project(rasa_python, tmp_path_factory) -> RasaProject:
    """Trained and exported here, with the configuration of Rasa written over that of training."""
    place = tmp_path_factory.mktemp("inside_rasa")
    folder = add_faq(CommandLine(place).project)
    add_dialogues(folder, POLICIES + UNEXPECTED.replace("\npolicies:\n", ""))
    responses = FAQ_DOMAIN[FAQ_DOMAIN.index("responses:") :]
    domain = DOMAIN.replace("greet, goodbye]", "greet, goodbye, faq, chat]")
    domain = domain.replace("actions:", f"{FURTHER_SLOTS}actions:") + responses
    (folder / "domain.yml").write_text(domain, encoding="utf-8")
    run = place / "run"
    trainer.train(folder, run_dir=run, epochs=2)
    for name, model in EXPORTS.items():
        trainer.load(run / model).export(folder / "exports" / name, ExportOptions(verify=False))
    (folder / "data" / "rules.yml").write_text(RULES, encoding="utf-8")
    write_config(folder, COMPONENTS)
    return RasaProject(rasa_python, folder, run)


def write_config(folder: Path, components: dict[str, Any]) -> None:
    config = {"recipe": "default.v1", "assistant_id": "tiny", "language": "en", **components}
    (folder / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def close(found: Any, expected: Any) -> bool:
    """Whether two JSON values are equal, but for 1e-5 in numbers."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(
            close(found[k], expected[k]) for k in expected
        )
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    if isinstance(expected, float):
        return found == pytest.approx(expected, abs=1e-5)
    return found == expected


def test_messages_are_understood_as_by_the_run(project):
    expected = list(trainer.load(project.run).answers(TEXTS))
    assert len(project.said["messages"]) == len(TEXTS)
    for message, answer in zip(project.said["messages"], expected, strict=True):
        for part in ("text", "intent", "intent_ranking", "entities"):
            assert close(message[part], answer[part]), (part, message[part], answer[part])
        selected, of_run = (m["response_selector"] for m in (message, answer))
        assert close(selected, of_run), (selected, of_run)
    assert any(answer["entities"] for answer in expected)


def test_actions_are_predicted_as_by_the_run(project):
    run = trainer.load(project.run)
    for name, events, policies in zip(
        DIALOGUES, DIALOGUES.values(), project.said["policies"], strict=True
    ):
        (found,) = (said for node, said in policies.items() if "ExportedTEDPolicy" in node)
        ranking = run.next_action(told_events(events, run.domain))
        expected = {action["name"]: action["confidence"] for action in ranking}
        assert close(found["confidences"], expected), name


def test_unexpected_intents_are_found_as_by_the_run(project):
    run, remarked = trainer.load(project.run), 0
    for name, events, policies in zip(
        DIALOGUES, DIALOGUES.values(), project.said["policies"], strict=True
    ):
        (found,) = (said for node, said in policies.items() if "ExportedUnexpec" in node)
        remarks = run.remarks(told_events(events, run.domain))
        expected = remarks.get("unexpected_intent")
        confidences = {action for action, sure in found["confidences"].items() if sure}
        if expected is None:
            assert found["metadata"] is None and not confidences, name
        else:
            unlikely = expected.pop("unlikely")
            assert confidences == ({"action_unlikely_intent"} if unlikely else set()), name
            assert close(found["metadata"], expected), (name, found["metadata"], expected)
            remarked += 1
    assert remarked >= 3


def test_policies_are_shown_the_states_that_rasa_shows(project):
    assert project.said["same_states"] is True


def test_the_packed_model_needs_no_exports(project):
    """Rasa trains nothing, but packs; what it has packed answers where the exports are gone."""
    assert project.said["messages"]  # the model is there
    (project.folder / "exports").rename(project.folder / "moved")
    try:
        done = project.start("-m", "rasa", "test", "nlu", "--nlu", "data", "--no-plot")
        assert done.returncode == 0, done.stderr[-4000:]
        report = json.loads((project.folder / "results" / "intent_report.json").read_text())
    finally:
        (project.folder / "moved").rename(project.folder / "exports")
    expected = trainer.load(project.run).evaluate(nlu=[project.folder / "data"]).figures
    assert report["accuracy"] == pytest.approx(expected["intent"]["accuracy"])
    assert report["weighted avg"]["f1-score"] == pytest.approx(expected["intent"]["weighted_f1"])


def test_what_is_wrong_is_one_line_of_rasa_train(project):
    diet = {**COMPONENTS["pipeline"][1], "model": "exports/ted"}
    write_config(project.folder, {"pipeline": [COMPONENTS["pipeline"][0], diet]})
    done = project.start("-m", "rasa", "train", "nlu", "--out", "elsewhere")
    write_config(project.folder, COMPONENTS)
    assert done.returncode == 1, done.stderr
    words = "InvalidConfigException: exports/ted/1 is an export of TED, not of DIET."
    assert words in done.stdout.strip().splitlines()[-1] and "Traceback" not in done.stderr


def test_another_domain_is_named(project):
    domain = project.folder / "domain.yml"
    before = domain.read_text(encoding="utf-8")
    domain.write_text(before.replace("say_goodbye]", "say_goodbye, sing]"), encoding="utf-8")
    done = project.start("-m", "rasa", "train", "core", "--out", "elsewhere")
    domain.write_text(before, encoding="utf-8")
    assert done.returncode == 1, done.stderr
    words = "was trained with another domain: the model has never seen the actions sing."
    assert words in done.stdout.strip().splitlines()[-1] and "Traceback" not in done.stderr
