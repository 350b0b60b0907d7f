"""A prepared data set: the same with any number of processes and shards, whole or not at all."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from flushed import Flushed

import data_pipeline.messages.prepare as prepare_module
from data_pipeline.batches.assembly import assemble
from data_pipeline.errors import InputError
from data_pipeline.messages.fitted_pipeline import store_messages
from data_pipeline.messages.prepare import prepare
from data_pipeline.messages.prepared import open_prepared
from data_pipeline.rasa_files.nlu_files import is_nlu_file, read_nlu
from trainer.config.project import Project
from trainer.run.resolve import resolve_all


@pytest.fixture
def prepare_project(project, tmp_path):
    """Prepares the tiny project into a folder of that name."""
    found = Project.from_directory(project)
    settings = resolve_all(found, ["diet"])[0].feature_settings

    def run(name, processes=1):
        return prepare(
            found.nlu, settings, tmp_path / name, processes=processes, show_progress=False
        )

    return run


def arrays(dataset):
    return {
        name: np.load(dataset.directory / name)
        for name in dataset.header["files"]
        if name.endswith(".npy")
    }


@pytest.mark.shows("trainer.prepare_processes")
def test_two_processes_prepare_what_one_does(prepare_project, monkeypatch):
    monkeypatch.setattr(prepare_module, "CHUNK_MESSAGES", 10)
    one, two = prepare_project("one"), prepare_project("two", processes=2)
    assert one.header == two.header, "names, sizes and hashes of all files"


def test_shards_and_chunks_make_no_difference_to_the_examples(prepare_project, monkeypatch):
    whole = prepare_project("whole")
    monkeypatch.setattr(prepare_module, "CHUNK_MESSAGES", 7)
    monkeypatch.setattr(prepare_module, "SHARD_MESSAGES", 10)
    cut = prepare_project("cut")
    assert len(cut.header["shards"]) > 2 and sum(cut.header["shards"]) == len(whole.store)
    assert whole.pipeline.labels == cut.pipeline.labels
    indices = np.arange(len(whole.store))[::-1]
    heads = whole.pipeline.tags.heads
    assert heads == ("entity", "role")
    one, other = (assemble(d.store, indices, 12, heads) for d in (whole, cut))
    for key, value in one.items():
        if key != "text_token_ids":  # numbers of places follow their order of appearance
            np.testing.assert_array_equal(value, other[key], err_msg=key)


def test_what_is_opened_again_is_what_the_messages_say(prepare_project, project):
    dataset = open_prepared(prepare_project("prepared").directory)
    messages = read_nlu([project / "data"]).messages
    direct = store_messages(dataset.pipeline, messages)
    assert len(direct) == len(dataset.store) == dataset.header["examples"]
    indices, heads = np.arange(len(direct)), dataset.pipeline.tags.heads
    one, other = (assemble(store, indices, 12, heads) for store in (dataset.store, direct))
    for key, value in one.items():
        if key != "text_token_ids":
            np.testing.assert_array_equal(value, other[key], err_msg=key)
    names = [dataset.pipeline.labels[label] for label in dataset.store.labels]
    assert names == [message.intent for message in messages]


def test_nothing_is_prepared_twice(prepare_project, project, monkeypatch):
    prepare_project("prepared")
    with monkeypatch.context() as patch:
        patch.setattr(prepare_module, "_scan", None)
        prepare_project("prepared")
    with (project / "data" / "nlu.yml").open("a") as file:
        file.write("- intent: new\n  examples: |\n    - something new\n")
    assert "new" in prepare_project("prepared").pipeline.labels


def test_every_file_is_looked_at_once(prepare_project, project, monkeypatch):
    (project / "data" / "more.yml").write_text((project / "data" / "nlu.yml").read_text())
    looked_at = []

    def watched(path):
        looked_at.append(path.name)
        return is_nlu_file(path)

    monkeypatch.setattr("data_pipeline.rasa_files.nlu_files.is_nlu_file", watched)
    prepare_project("prepared")
    assert looked_at == ["more.yml", "nlu.yml"]


def test_what_is_odd_in_a_file_is_told_once(prepare_project, project, caplog):
    with (project / "data" / "nlu.yml").open("a") as file:
        file.write("- intent: empty\n")
    prepare_project("prepared")
    assert caplog.text.count("'empty' has no examples") == 1


def test_a_prepared_data_set_is_on_disk_before_it_has_its_name(prepare_project, monkeypatch):
    flushed = Flushed(monkeypatch)
    dataset = prepare_project("prepared")
    assert set(dataset.directory.iterdir()) | {dataset.directory} <= flushed.files


def test_two_that_prepare_the_same_folder_at_once_do_not_spoil_it(
    prepare_project, tmp_path, monkeypatch
):
    """The second begins to write when the first is half through, and ends after it."""
    add_shard = prepare_module.PreparedWriter.add_shard
    first_is_done, second_writes = threading.Event(), threading.Event()
    seconds = []
    second = threading.Thread(target=lambda: seconds.append(prepare_project("prepared")))

    def meet(writer, shard):
        if threading.current_thread() is second:
            second_writes.set()
            first_is_done.wait()
            return add_shard(writer, shard)
        add_shard(writer, shard)
        second.start()
        return second_writes.wait()

    monkeypatch.setattr(prepare_module.PreparedWriter, "add_shard", meet)
    try:
        first = prepare_project("prepared")
        assert prepare_project("prepared").header == first.header, "it is used again"
    finally:
        first_is_done.set()
        second.join()
    assert seconds[0].header == open_prepared(tmp_path / "prepared").header == first.header
    assert [path.name for path in tmp_path.iterdir() if "prepared" in path.name] == ["prepared"]


def test_an_error_in_the_second_pass_leaves_the_old_data_set(
    prepare_project, project, tmp_path, monkeypatch
):
    before = prepare_project("prepared").header
    with (project / "data" / "nlu.yml").open("a") as file:
        file.write("- intent: new\n  examples: |\n    - something new\n")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prepare_module.PreparedWriter, "finish", full)
    with pytest.raises(InputError, match="Cannot write the prepared data set .*No space left"):
        prepare_project("prepared")
    assert open_prepared(tmp_path / "prepared").header == before
    assert not list(tmp_path.glob(".*partial"))
