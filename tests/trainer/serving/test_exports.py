"""Exported models answer as the run that they are of, and newer versions take their place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from web.http_answers import GREETING, close_to

from data_pipeline.errors import InputError
from trainer.export.saved_model import ExportOptions, export
from trainer.records.run_directory import RunDirectory
from trainer.serving.newest_model import NewestModel
from trainer.serving.sources.chosen import source_of


@pytest.fixture(scope="module")
def models(run_of_both, tmp_path_factory) -> Path:
    """Both models, exported into one folder."""
    place = tmp_path_factory.mktemp("models")
    for name, run in {"diet": run_of_both, "ted": run_of_both / "ted"}.items():
        export(RunDirectory(run), place / name, ExportOptions(verify=False))
    return place


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
