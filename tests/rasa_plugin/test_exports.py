"""diet_ted_exports: exports are found, and what is wrong with one is said in a line."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from diet_ted_exports.exports import BadExport, Kind, check_sums, find_export

DIET = Kind("diet", "serving_default", takes="raw text")
TED = Kind("ted", "next_action", takes="turns of dialogues", gives=("by_text",))


def write_version(folder, model="diet", signatures=("serving_default",), missing=(), gives=()):
    """A folder as `export` leaves it, but for the SavedModel itself."""
    card = {
        "model": model,
        "missing": list(missing),
        "signatures": {
            name: {"inputs": {}, "outputs": dict.fromkeys(gives)} for name in signatures
        },
    }
    files = {"saved_model.pb": "graph", "assets.extra/model_card.json": json.dumps(card)}
    lines = []
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        lines.append(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n")
    (folder / "SHA256SUMS").write_text("".join(lines))
    return folder


def test_the_newest_version_is_found_by_its_number(tmp_path):
    for number in ("2", "10", "9"):
        write_version(tmp_path / number)
    (tmp_path / ".11-half-written").mkdir()
    assert find_export(tmp_path, DIET).folder == tmp_path / "10"


def test_a_version_may_be_named_itself(tmp_path):
    write_version(tmp_path / "1")
    write_version(tmp_path / "2")
    assert find_export(tmp_path / "1", DIET).folder == tmp_path / "1"


@pytest.mark.parametrize(
    ("kind", "written", "words"),
    [
        (TED, {}, "is an export of DIET, not of TED"),
        (
            DIET,
            {"signatures": ("features",), "missing": ["It takes no raw text: spaCy."]},
            "takes no raw text. It takes no raw text: spaCy.",
        ),
        (DIET, {"signatures": ()}, "takes no raw text. It has no signature `serving_default`."),
        (
            TED,
            {"model": "ted", "signatures": ("next_action",), "gives": ("action_names",)},
            "does not give by_text: it was written by another version. Export the model once more.",
        ),
    ],
)
def test_an_export_that_cannot_answer_is_refused(tmp_path, kind, written, words):
    write_version(tmp_path / "1", **written)
    with pytest.raises(BadExport, match=re.escape(words)):
        find_export(tmp_path, kind)


def test_folders_without_exports_are_named(tmp_path):
    with pytest.raises(BadExport, match="There is no folder .*/none.*directory in which Rasa"):
        find_export(tmp_path / "none", DIET)
    with pytest.raises(BadExport, match="holds no export: neither saved_model.pb nor numbered"):
        find_export(tmp_path, DIET)
    write_version(tmp_path / "1")
    (tmp_path / "1" / "assets.extra" / "model_card.json").write_text("{")
    with pytest.raises(BadExport, match=r"model_card\.json is damaged"):
        find_export(tmp_path, DIET)


def test_every_file_has_to_be_the_one_that_was_exported(tmp_path):
    write_version(tmp_path)
    check_sums(tmp_path)
    (tmp_path / "saved_model.pb").write_text("another graph")
    with pytest.raises(BadExport, match=r"saved_model\.pb is not what SHA256SUMS says"):
        check_sums(tmp_path)
    (tmp_path / "saved_model.pb").unlink()
    with pytest.raises(BadExport, match=r"saved_model\.pb cannot be read: No such file"):
        check_sums(tmp_path)
    (tmp_path / "SHA256SUMS").unlink()
    with pytest.raises(BadExport, match="SHA256SUMS cannot be read"):
        check_sums(tmp_path)
