"""export: the SavedModel answers as the model does, without any code of this project."""

from __future__ import annotations

import hashlib
import json
import os
import re

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from data_pipeline.batches.assembly import assemble
from data_pipeline.messages.fitted_pipeline import store_messages
from data_pipeline.rasa_files.training_items import Message
from model.layers.sparse import DenseForSparse
from trainer.diet.answers_of_tensors import message_answers
from trainer.diet.trained import TrainedDIET
from trainer.export import saved_model
from trainer.messages.text_checks import answer_difference
from trainer.records.run_directory import RunDirectory
from trainer.signatures.elsewhere import Question, answers_elsewhere

TEXTS = ["fly from Rome to New York", "hello", "is it raining in Bern today or tomorrow"]


@pytest.fixture(scope="module")
def exported(command, trained, tmp_path_factory):
    directory = tmp_path_factory.mktemp("exported") / "deep" / "model"
    result = command("export", trained.run, "--out", directory, "--licence", "CC0")
    assert result.code == 0, result.err
    assert f"SavedModel: {directory / '1'}" in result.out
    return directory / "1"


@pytest.fixture(scope="module")
def run(trained) -> TrainedDIET:
    return TrainedDIET.load(trained.run)


def test_the_features_signature_answers_the_same_without_this_project(exported, run):
    store = store_messages(run.pipeline, [Message(text) for text in TEXTS])
    made = assemble(store, np.arange(len(TEXTS)), 8)
    batch = {key: made[key] for key in run.model.input_signature()}
    (answers,) = answers_elsewhere(exported, [Question("features", batch)])
    expected = run.model({key: tf.constant(value) for key, value in batch.items()})
    assert set(answers) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(answers[name], value, atol=1e-5, err_msg=name)


ODD = ["", " ", "to Oslo from BIG APPLE", "rome", "from New York to new york, ok?", "İ ΟΔΟΣ", "😀"]
REQUESTS = ([], [""], ["hello"], [*TEXTS, *ODD], ODD * 20)


def test_raw_text_is_answered_as_by_predict_without_this_project(exported, run):
    given = [np.array([text.encode() for text in texts], object) for texts in REQUESTS]
    questions = [Question("serving_default", {"text": texts}) for texts in given]
    for texts, outputs in zip(REQUESTS, answers_elsewhere(exported, questions), strict=True):
        answers = list(message_answers(texts, outputs))
        assert len(answers) == len(texts)
        for found, expected in zip(answers, run.answer(texts), strict=True):
            assert found.keys() == expected.keys()
            assert answer_difference(expected, found) < 1e-5, (expected, found)


def test_an_answer_in_tensors(exported):
    serve = tf.saved_model.load(str(exported)).signatures["serving_default"]
    answer = serve(text=tf.constant(["fly from Rome to big apple", ""]))
    assert answer["intent_counts"].numpy().tolist() == [5, 0]
    assert answer["intent_names"].shape == (2, 5) and answer["intent_names"].dtype == tf.string
    assert sum(answer["intent_confidences"][0].numpy()) == pytest.approx(1, abs=1e-5)
    assert answer["token_counts"].numpy().tolist() == [6, 0]
    assert answer["token_starts"][0].numpy().tolist()[:3] == [0, 4, 9]


def test_names_of_intents_and_tags_lie_beside_it(exported):
    saved = json.loads((exported / "assets.extra" / "pipeline.json").read_text())
    assert saved["labels"] == ["bye", "fly", "greet", "price", "weather"]
    assert saved["tags"]["names"] == {"entity": ["city"], "role": ["from", "to"]}


def constants_of(folder) -> list[np.ndarray]:
    """The constants in all functions of a SavedModel."""
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    functions = saved.meta_graphs[0].graph_def.library.function
    nodes = [node for function in functions for node in function.node_def if node.op == "Const"]
    return [tf.make_ndarray(node.attr["value"].tensor) for node in nodes]


def test_it_holds_the_weights_that_answers_need_and_no_others(exported, run):
    """Wide kernels beside the graph, others in it; nothing of the optimizer, masks or losses."""
    layers = [of for of in run.model._flatten_layers() if isinstance(of, DenseForSparse)]
    wide = {layer.kernel.path for layer in layers}
    stored = tf.train.list_variables(str(exported / "variables" / "variables"))
    variables = [shape for name, shape in stored if "VARIABLE_VALUE" in name]
    of_texts = [v for v in run.model.weights if v.path in wide and "/text/" in f"/{v.path}"]
    assert sorted(map(list, variables)) == sorted(list(v.shape) for v in of_texts)
    constants = {array.tobytes() for array in constants_of(exported)}
    in_graph = {v.path for v in run.model.weights if v.numpy().tobytes() in constants}
    heads = {v.path for v in run.model.weights if "_head/scores/kernel" in v.path}
    needed = {v.path for v in run.model.trainable_variables if "/transformer/" in v.path}
    assert len(heads) == 2 and needed and heads | needed <= in_graph
    others = ("token_guessing", "label", "connections")
    assert not [path for path in in_graph if any(name in path for name in others)]
    assert run.model.label_embeddings().numpy().tobytes() in constants


def test_it_has_no_branches_which_would_wait_for_a_second_thread(exported):
    saved = saved_model_pb2.SavedModel.FromString((exported / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    used = {node.op for function in graph.library.function for node in function.node_def}
    assert "StatelessWhile" in used
    assert not used & {"If", "StatelessIf", "Case", "StatelessCase"}


@pytest.mark.slow
def test_wide_kernels_in_half_precision_cost_what_the_card_says(command, trained, tmp_path):
    result = command("export", trained.run, "--out", tmp_path / "model", "--half")
    assert result.code == 0 and "Wide kernels are in bfloat16" in result.err
    folder = tmp_path / "model" / "1"
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    types = reader.get_variable_to_dtype_map()
    assert {types[name] for name in types if "VARIABLE_VALUE" in name} == {tf.bfloat16}
    card = json.loads((folder / "assets.extra" / "model_card.json").read_text())
    assert card["verified"]["largest_difference"] < 1e-5  # from the checkpoint's, rounded
    assert card["verified"]["largest_difference"] < card["half"]["largest_difference"] < 0.1
    assert card["half"]["other_answers"] == 0
    text = (folder / "assets.extra" / "model_card.md").read_text()
    assert "## Half precision" in text


@pytest.mark.slow
def test_every_export_is_a_new_version_and_none_is_touched(command, trained, exported):
    before = {path: path.stat().st_mtime_ns for path in exported.rglob("*")}
    result = command("export", trained.run, "--out", exported.parent, "--no-verify")
    assert result.code == 0 and f"SavedModel: {exported.parent / '2'}" in result.out
    assert sorted(os.listdir(exported.parent)) == ["1", "2"]
    assert {path: path.stat().st_mtime_ns for path in exported.rglob("*")} == before
    card = json.loads((exported.parent / "2" / "assets.extra" / "model_card.json").read_text())
    assert "verified" not in card


def test_checkpoints_may_vanish_while_training_goes_on(trained, run, monkeypatch):
    directory = RunDirectory(trained.run)
    there = saved_model.checkpoints(directory.checkpoints)
    gone = [directory.checkpoints / "step-000000001", *there]
    monkeypatch.setattr(saved_model, "checkpoints", lambda _: gone)
    assert saved_model._metrics(directory, run.step)["loss"] > 0
    assert saved_model._metrics(directory, run.step + 1) is None


def test_checksums_hold_for_every_file(exported):
    lines = (exported / "SHA256SUMS").read_text().splitlines()
    sums = dict(reversed(line.split("  ", 1)) for line in lines)
    files = {
        path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file()
    }
    assert sums.keys() == files - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((exported / name).read_bytes()).hexdigest() == digest


def test_the_model_card_says_what_it_is(exported, trained):
    extra = exported / "assets.extra"
    card = json.loads((extra / "model_card.json").read_text())
    facts = json.loads((trained.run / "run.json").read_text())
    assert card["model"] == "diet" and card["missing"] == []
    assert card["data"] == {
        "fingerprint": facts["fingerprint"],
        "examples": facts["examples"],
        "licence": "CC0",
    }
    assert card["config"] == facts["config"] and card["metrics"]["loss"] > 0
    assert card["signatures"]["serving_default"]["inputs"] == {
        "text": {"dtype": "string", "shape": [None]}
    }
    assert card["versions"]["exported_with"]["tensorflow"] == tf.__version__
    # 42 training texts and the odd ones, asked of both signatures.
    assert set(card["verified"]["compared"]) == {"features of training texts", "training texts"}
    assert card["verified"]["compared"]["training texts"] > 42
    assert card["verified"]["largest_difference"] < 1e-5
    text = (extra / "model_card.md").read_text()
    assert "# DIET, step" in text and "licence: CC0" in text and "| transformer_size |" in text


def test_the_request_to_warm_up_with_is_one_of_the_text_signature(exported):
    path = exported / "assets.extra" / "tf_serving_warmup_requests"
    (record,) = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    # PredictionLog.predict_log.request, by the fields' numbers in TensorFlow Serving's files.
    request = fields(fields(fields(record)[6][0])[1][0])
    assert fields(request[1][0])[3] == [b"serving_default"]
    entry = fields(request[2][0])
    assert entry[1] == [b"text"]
    assert tf.io.parse_tensor(entry[2][0], tf.string).numpy().tolist() == [b"hello"]


def fields(message: bytes) -> dict[int, list[bytes]]:
    """The fields of a protocol buffer that holds only fields of bytes."""
    found: dict[int, list[bytes]] = {}
    place = 0
    while place < len(message):
        key, place = varint(message, place)
        length, place = varint(message, place)
        assert key & 7 == 2
        found.setdefault(key >> 3, []).append(message[place : place + length])
        place += length
    return found


def varint(message: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place


@pytest.mark.slow
def test_an_export_that_answers_otherwise_is_not_published(command, trained, tmp_path, monkeypatch):
    def asked(folder, questions):
        """Without a process of its own; the first answer is not the checkpoint's."""
        signatures = tf.saved_model.load(str(folder)).signatures
        first, *others = (
            {
                name: value.numpy()
                for name, value in signatures[question.signature](
                    **{key: tf.constant(value) for key, value in question.inputs.items()}
                ).items()
            }
            for question in questions
        )
        return [{name: value + 1 for name, value in first.items()}, *others]

    monkeypatch.setattr("trainer.signatures.verify.answers_elsewhere", asked)
    line = command("export", trained.run, "--out", tmp_path / "model").line
    assert "does not answer as the checkpoint" in line and "--no-verify" in line
    assert os.listdir(tmp_path / "model") == []


@pytest.mark.slow
def test_features_that_differ_cost_the_text_signature(command, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "trainer.messages.served_texts.text_with_other_features", lambda *_: "fly to Rome"
    )
    result = command("export", trained.run, "--out", tmp_path / "model", "--no-verify")
    assert result.code == 0
    assert "takes no raw text: 'fly to Rome' has other features" in result.err
    assert signatures_of(tmp_path / "model" / "1") == {"features"}


def signatures_of(folder) -> set[str]:
    card = json.loads((folder / "assets.extra" / "model_card.json").read_text())
    loaded = set(tf.saved_model.load(str(folder)).signatures)
    assert loaded == set(card["signatures"])
    return loaded


def test_a_failure_while_writing_leaves_nothing(command, trained, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saved_model, "write_card", full)
    line = command("export", trained.run, "--out", tmp_path / "m", "--no-verify").line
    assert re.search(r"Cannot write a SavedModel to .*/m: No space left on device", line)
    assert os.listdir(tmp_path / "m") == []


def test_a_saved_model_of_the_old_layout_is_not_mixed_with_versions(command, trained, tmp_path):
    (tmp_path / "saved_model.pb").write_text("old")
    line = command("export", trained.run, "--out", tmp_path).line
    assert "holds a SavedModel without a number" in line
    assert os.listdir(tmp_path) == ["saved_model.pb"]
