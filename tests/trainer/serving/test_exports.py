"""Exported models answer as the run that they are of, and newer versions take their place."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from dialogue_project import POLICIES, UNEXPECTED, add_dialogues
from faq_project import add_faq
from web.http_answers import GREETING, close_to

from data_pipeline.errors import InputError
from trainer.serving.newest_model import NewestModel
from trainer.serving.sources.chosen import source_of


@pytest.fixture(scope="module")
def exported(models) -> NewestModel:
    return NewestModel(source_of(models))


def test_exports_answer_as_the_run_does(exported, serving, newest):
    texts = ["fly from Rome to Oslo", "", '/greet{"city": "Rome"}', "\U0001f600 hello"]
    asked = [{"text": text} for text in texts]
    with serving(exported) as ours, serving(newest) as theirs:
        answers = [client.post("/model/parse", json=asked).json() for client in (ours, theirs)]
        assert close_to(*answers)
        answers = [client.post("/model/predict", json=GREETING).json() for client in (ours, theirs)]
        scores = [{s["action"]: s["score"] for s in answer["scores"]} for answer in answers]
        assert close_to(*scores)
        commands = [client.post("/model/parse", json={"text": "/bye"}).json() for client in (ours,)]
        assert commands[0]["intent"]["name"] == "bye"  # the signature is asked for no text at all
        models = ours.get("/status").json()["models"]
        assert {name: facts["version"] for name, facts in models.items()} == {"diet": 1, "ted": 1}


def test_a_new_version_folder_is_a_new_version(models, tmp_path):
    place = Path(shutil.copytree(models / "diet", tmp_path / "diet"))
    newest = NewestModel(source_of(place))
    assert newest.current.answers == ["messages"]
    assert not newest.renew()
    shutil.copytree(place / "1", place / "10")
    shutil.copytree(place / "1", place / "9")
    assert newest.renew()
    assert newest.current.models["diet"]["version"] == 10
    (place / "11").mkdir()
    (place / "11" / "saved_model.pb").write_bytes(b"broken")
    with pytest.raises(InputError, match="is not what export writes"):
        newest.renew()
    assert newest.current.models["diet"]["version"] == 10


def test_what_cannot_be_served_is_refused(models, tmp_path):
    with pytest.raises(InputError, match="neither a run directory nor holds an exported model"):
        NewestModel(source_of(tmp_path))
    for name in ("a", "b"):
        shutil.copytree(models / "diet", tmp_path / name)
    with pytest.raises(InputError, match="both of DIET"):
        NewestModel(source_of(tmp_path))


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory, make_project, command) -> tuple[Path, Path]:
    """A run directory of five models, trained by one command, and the folder of their exports."""
    directory = tmp_path_factory.mktemp("all_kinds")
    # An UnexpecTED that has learnt its stories, and so is surprised by others.
    learns = UNEXPECTED.replace("epochs: 3", "epochs: 30")
    learns += "    connection_density: 1.0\n    drop_rate_dialogue: 0\n"
    project = add_dialogues(add_faq(make_project(directory / "tiny")), POLICIES + learns)
    run, place = directory / "run", directory / "models"
    ours = ("--set", "augmentation_factor=0")
    result = command("--project", project, "--run-dir", run, *ours)
    assert result.code == 0, result.err
    for folder in (run, *(file.parent for file in sorted(run.glob("*/run.json")))):
        result = command("export", folder, "--out", place / folder.name, "--no-verify")
        assert result.code == 0, result.err
    return run, place


@pytest.mark.slow
def test_every_kind_of_model_is_served(all_kinds, serving):
    """A run directory and its exports give the same answers, in the form of Rasa's."""
    applications = [serving(NewestModel(source_of(path))) for path in all_kinds]
    with applications[0] as of_run, applications[1] as of_exports:
        clients = (of_run, of_exports)
        models = [set(client.get("/status").json()["models"]) for client in clients]
        assert models[1] == {
            *("diet", "response_selector", "response_selector_faq", "ted", "unexpected_intent")
        }
        assert models[0] == models[1]

        texts = ["when are you open", "fly to Rome", "", "/faq/hours", "\U0001f600"]
        asked = [{"text": text} for text in texts]
        answers = [client.post("/model/parse", json=asked).json() for client in clients]
        assert close_to(*answers)
        said = answers[1][0]["response_selector"]
        assert said.keys() == {"all_retrieval_intents", "default", "faq"}
        assert said["all_retrieval_intents"] == ["chat", "faq"]
        key = said["faq"]["ranking"][0]["intent_response_key"]
        assert re.fullmatch("faq/(hours|place|price)", key)
        assert said["faq"]["response"]["utter_action"] == f"utter_{key}"
        assert said["faq"]["response"]["responses"][0]["text"]
        assert answers[1][2]["response_selector"]["faq"]["response"]["responses"] is None
        assert "response_selector" not in answers[1][3]

        expected = client_predicts(clients, GREETING)
        assert expected["policy"] == "TEDPolicy" and expected["action_metadata"] is None
        hello = {"event": "action", "name": "utter_hello"}
        surprising = [*GREETING, hello, *GREETING]
        unlikely = client_predicts(clients, surprising)
        assert unlikely["policy"] == "UnexpecTEDIntentPolicy"
        assert unlikely["scores"][0] == {"action": "action_unlikely_intent", "score": 1.0}
        assert unlikely["action_metadata"]["query_intent"]["severity"] > 0
        said = {"event": "action", "name": "action_unlikely_intent"}
        assert client_predicts(clients, [*surprising, said])["policy"] == "TEDPolicy"


def client_predicts(clients, events) -> dict:
    """What both answer, which is the same but for the order of equally likely actions."""
    answers = [client.post("/model/predict", json=events).json() for client in clients]
    scores = [{s["action"]: s["score"] for s in answer.pop("scores")} for answer in answers]
    assert close_to(*scores) and close_to(*answers)
    ranked = sorted(scores[0].items(), key=lambda item: -item[1])
    return {**answers[0], "scores": [{"action": a, "score": s} for a, s in ranked]}


@pytest.mark.slow
def test_selectors_alone_are_served_in_rasas_form(all_kinds, serving):
    run, place = all_kinds
    name = "response_selector_faq"
    applications = [serving(NewestModel(source_of(path / name))) for path in (run, place)]
    with applications[0] as of_run, applications[1] as of_exports:
        asked = [{"text": text} for text in ("when are you open", '/greet{"city": "Rome"}')]
        answers = [c.post("/model/parse", json=asked).json() for c in (of_run, of_exports)]
        assert close_to(*answers)
        nothing, command = answers[1]
        assert nothing["intent"] == {"name": None, "confidence": 0.0}
        assert nothing["entities"] == [] and nothing["response_selector"]["faq"]
        assert command["intent"]["name"] == "greet" and command["entities"][0]["value"] == "Rome"
