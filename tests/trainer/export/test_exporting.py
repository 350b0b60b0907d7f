"""export: the SavedModel answers as the model does, without any code of this project."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.batches.assembly import assemble
from data_pipeline.messages.fitted_pipeline import store_messages
from data_pipeline.rasa_files.training_items import Message
from trainer.diet.trained import TrainedDIET

SERVE = """
import sys
for name in ("model", "trainer", "data_pipeline", "keras"):
    sys.modules[name] = None
import numpy as np
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
given = {name: tf.constant(array) for name, array in np.load(sys.argv[2]).items()}
answers = loaded.signatures["serving_default"](**given)
np.savez(sys.argv[3], **{name: value.numpy() for name, value in answers.items()})
"""


@pytest.fixture(scope="module")
def exported(command, trained, tmp_path_factory):
    directory = tmp_path_factory.mktemp("exported") / "deep" / "model"
    result = command("export", trained.run, "--out", directory)
    assert result.code == 0, result.err
    assert f"SavedModel: {directory}" in result.out
    return directory


def test_the_saved_model_answers_the_same_without_this_project(exported, trained, tmp_path):
    run = TrainedDIET.load(trained.run)
    texts = ["fly from Rome to New York", "hello", "is it raining in Bern today or tomorrow"]
    store = store_messages(run.pipeline, [Message(text) for text in texts])
    made = assemble(store, np.arange(len(texts)), 8)
    batch = {key: made[key] for key in run.model.input_signature()}
    np.savez(tmp_path / "batch.npz", **batch)
    served = subprocess.run(
        [
            *(sys.executable, "-c", SERVE, exported),
            *(tmp_path / "batch.npz", tmp_path / "answers.npz"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert served.returncode == 0, served.stderr
    expected = run.model({key: tf.constant(value) for key, value in batch.items()})
    answers = np.load(tmp_path / "answers.npz")
    assert set(answers) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(answers[name], value, atol=1e-5, err_msg=name)


def test_names_of_intents_and_tags_lie_beside_it(exported, trained):
    saved = json.loads((exported / "assets.extra" / "pipeline.json").read_text())
    assert saved["labels"] == ["bye", "fly", "greet", "price", "weather"]
    assert saved["tags"]["names"] == {"entity": ["city"], "role": ["from", "to"]}


def test_it_holds_no_state_of_the_optimizer(exported, trained):
    run = TrainedDIET.load(trained.run)
    stored = tf.train.list_variables(str(exported / "variables" / "variables"))
    sizes = [np.prod(shape, dtype=int) for name, shape in stored if "VARIABLE_VALUE" in name]
    assert sum(sizes) == sum(np.prod(v.shape, dtype=int) for v in run.model.variables)


def test_an_older_export_is_replaced_whole(command, trained, exported):
    (exported / "old").write_text("outdated")
    assert command("export", trained.run, "--out", exported).code == 0
    assert not (exported / "old").exists() and (exported / "saved_model.pb").is_file()
    assert [path.name for path in exported.parent.iterdir()] == ["model"]
