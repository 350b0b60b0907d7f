"""A newer version takes the older one's place, without a gap, or leaves it in its place."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from data_pipeline.errors import InputError
from trainer.serving.answering import Answering
from trainer.serving.newest_model import NewestModel
from trainer.serving.sources.run_source import RunSource


class Versions:
    """A source whose newest version is set; loading an odd one above 2 fails."""

    def __init__(self):
        self.place = Path("versions")
        self.version = 1
        self.loads = 0
        self.may_load = threading.Event()
        self.may_load.set()

    def newest(self):
        return self.version

    def load(self):
        assert self.may_load.wait(10)
        version = self.version
        self.loads += 1
        if version == 3:
            raise InputError("version 3 is broken")
        answers = [{"version": version}]
        return Answering(
            f"v{version}", {"it": {"step": version}}, lambda texts: answers * len(texts)
        )


@pytest.fixture
def versions():
    return Versions()


def test_a_newer_version_answers_once_it_is_loaded(versions, serving):
    model = NewestModel(versions)
    with serving(model) as client:

        def answering():
            return client.post("/model/parse", json={"text": "?"}).json()["version"]

        assert client.put("/model").status_code == 204
        assert versions.loads == 1  # nothing new
        versions.version = 2
        versions.may_load.clear()
        putting = threading.Thread(target=client.put, args=("/model",))
        putting.start()
        assert answering() == 1  # while the next one is loaded
        versions.may_load.set()
        putting.join()
        assert answering() == 2
        assert client.get("/status").json()["model_id"] == "v2"
        assert 'serve_reloads_total{outcome="loaded"} 1.0' in client.get("/metrics").text


def test_a_version_that_cannot_be_loaded_changes_nothing(versions, serving, caplog):
    model = NewestModel(versions)
    versions.version = 3
    model.watch_once()
    model.watch_once()
    assert versions.loads == 2 and model.failed_reloads == 1  # looked at once
    assert "version 3 is broken" in caplog.text
    with serving(model) as client:
        response = client.put("/model")  # asked to, it tries again
        assert response.status_code == 409 and "version 3 is broken" in response.json()["message"]
        assert versions.loads == 3
        assert client.post("/model/parse", json={"text": "?"}).json() == {"version": 1}
    versions.version = 4
    model.watch_once()
    assert model.current.version == "v4"


def test_a_source_that_is_gone_changes_nothing(versions, caplog):
    model = NewestModel(versions)

    def gone():
        raise InputError("no run there")

    versions.newest = gone
    model.watch_once()
    assert "no run there" in caplog.text and model.current.version == "v1"


def test_a_new_checkpoint_of_a_run_is_a_new_version(run_of_both, save_diet, tmp_path):
    directory = Path(shutil.copytree(run_of_both, tmp_path / "run"))
    shutil.rmtree(directory / "ted")
    newest = NewestModel(RunSource(directory))
    before = newest.current.messages(["fly to Rome"])
    assert not newest.renew()
    save_diet(tmp_path / "other", seed=2)
    (checkpoint,) = (tmp_path / "other" / "checkpoints").iterdir()
    shutil.copytree(checkpoint, directory / "checkpoints" / "step-000000001")
    assert newest.renew()
    assert newest.current.messages(["fly to Rome"]) != before
    assert not newest.renew()


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a run directory"):
        NewestModel(RunSource(tmp_path))
