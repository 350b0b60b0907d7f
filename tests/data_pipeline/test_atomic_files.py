"""Files and folders are complete or absent, wherever their writer fails, dies, or meets another."""

import os
import subprocess
import sys

import pytest

from data_pipeline.atomic_files import (
    published_file,
    published_folder,
    recover,
    recover_all,
    write_file,
)

FILES = {"one": "1", "inner/two": "2"}


def fill(folder, text=""):
    (folder / "inner").mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content + text)


def content(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def whole(text=""):
    return {name: content + text for name, content in FILES.items()}


def test_a_file_is_written_and_replaced(tmp_path):
    write_file(tmp_path / "a.json", "grün")
    write_file(tmp_path / "a.json", b"\x00\x01")
    assert (tmp_path / "a.json").read_bytes() == b"\x00\x01"
    assert os.listdir(tmp_path) == ["a.json"]


def test_an_error_while_a_file_is_written_leaves_the_old_one(tmp_path):
    write_file(tmp_path / "a", "old")
    with pytest.raises(OSError, match="full"), published_file(tmp_path / "a") as file:
        file.write(b"ne")
        raise OSError("full")
    assert (tmp_path / "a").read_text() == "old" and os.listdir(tmp_path) == ["a"]


def test_an_error_while_a_folder_is_written_leaves_the_old_one(tmp_path):
    with published_folder(tmp_path / "deep" / "a") as folder:
        fill(folder)
    with pytest.raises(OSError, match="full"), published_folder(tmp_path / "deep" / "a") as folder:
        fill(folder, "new")
        raise OSError("full")
    assert content(tmp_path / "deep" / "a") == whole()
    assert os.listdir(tmp_path / "deep") == ["a"]


def test_an_empty_folder_is_filled_and_a_file_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with published_folder(tmp_path / "empty" / ".." / "empty") as folder:
        fill(folder)
    assert content(tmp_path / "empty") == whole()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError), published_folder(tmp_path / "file") as folder:
        fill(folder)
    assert (tmp_path / "file").read_text() == "mine"


def test_everything_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    events = []
    fsync, rename, replace = os.fsync, os.rename, os.replace

    def watched_fsync(descriptor):
        events.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    def watched(move):
        def moved(path, new):
            move(path, new)
            events.append(f"-> {os.path.basename(new)}")

        return moved

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "rename", watched(rename))
    monkeypatch.setattr(os, "replace", watched(replace))
    with published_folder(tmp_path / "a") as folder:
        fill(folder)
        partial = folder.name
    published = events.index("-> a")
    assert {"one", "two", "inner", partial} <= set(events[:published])
    assert events[published + 1 :] == [tmp_path.name]
    del events[:]
    write_file(tmp_path / "b", "b")
    assert len(events) == 3 and events[1:] == ["-> b", tmp_path.name]


KILLED_AT = """
import os, shutil, sys
from pathlib import Path
from data_pipeline.atomic_files import published_folder
left = int(sys.argv[2])
def counted(function):
    def call(*args, **options):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return function(*args, **options)
    return call
for module, name in [(os, "rename"), (os, "fsync"), (os, "unlink"), (os, "rmdir")]:
    setattr(module, name, counted(getattr(module, name)))
with published_folder(Path(sys.argv[1])) as folder:
    (folder / "inner").mkdir()
    (folder / "one").write_text("1new")
    (folder / "inner" / "two").write_text("2new")
"""


def test_a_folder_is_whole_wherever_its_writer_was_killed(tmp_path):
    seen, killed_at = set(), 0
    while True:
        folder = tmp_path / str(killed_at) / "a"
        with published_folder(folder) as partial:
            fill(partial)
        command = [sys.executable, "-c", KILLED_AT, str(folder), str(killed_at)]
        code = subprocess.run(command, check=False).returncode
        assert code in (0, 9)
        was_there = folder.exists()
        recover_all(folder.parent)
        assert content(folder) in (whole(), whole("new"))
        seen.add((was_there, content(folder) == whole("new")))
        # The next writer removes what this one has left.
        with published_folder(folder) as partial:
            fill(partial)
        assert os.listdir(folder.parent) == ["a"]
        if code == 0:
            break
        killed_at += 1
    # Killed before it replaced anything, between the two renames, and after them.
    assert seen == {(True, False), (False, False), (True, True)}


def test_of_two_writers_at_once_the_last_one_stays(tmp_path):
    path = tmp_path / "a"
    with published_folder(path) as slow:
        fill(slow, "slow")
        with published_folder(path) as fast:
            fill(fast, "fast")
        assert content(path) == whole("fast")
        recover(path)
        assert content(slow) == whole("slow")
    assert content(path) == whole("slow")
    assert os.listdir(tmp_path) == ["a"]


def test_nothing_comes_back_that_nobody_moved_aside(tmp_path):
    recover(tmp_path / "a")
    recover_all(tmp_path)
    assert os.listdir(tmp_path) == []
