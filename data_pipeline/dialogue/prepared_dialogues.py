"""Prepared dialogues on disk: a folder of `.npy` arrays, opened as memory maps, and a header.

| file | what |
|---|---|
| `header.json` | format, fingerprint, settings, widths of features, counts, SHA-256 per file |
| `dialogue.json`, `pipelines/…` | the `DialogueFeaturizer` |
| `states.npy` | `DialogueTables.state_values` |
| `rows.ATTRIBUTE.*.npy`, `labels.*.npy`, `label_texts.npy` | features of values and labels |
| `shard-00000.*.npy` … | the dialogues and examples (`DialogueShard`) |
| `texts/…` | of end-to-end stories: prepared texts |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.atomic_files import published_folder
from data_pipeline.dialogue.dialogue_arrays import DialogueShard, DialogueTables
from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.dialogue_store import DialogueStore
from data_pipeline.messages.prepared import Origin, PreparedWriter, open_prepared
from data_pipeline.prepared_folder import (
    check_files,
    existing_header,
    load_csr,
    read_header,
    save_csr,
    write_header,
)

FORMAT_VERSION = "dialogues-2"
HEADER_KEYS = ("fingerprint", "settings", "examples", "turns", "shards", "widths", "label_width")
_SHARD_ARRAYS = [field.name for field in fields(DialogueShard)]


@dataclass(frozen=True)
class PreparedDialogues:
    """An opened folder of prepared dialogues."""

    directory: Path
    header: dict[str, Any]
    featurizer: DialogueFeaturizer
    store: DialogueStore

    @property
    def fingerprint(self) -> str:
        return self.header["fingerprint"]


def write_dialogues(
    directory: Path,
    featurizer: DialogueFeaturizer,
    tables: DialogueTables,
    shards: Iterable[DialogueShard],
    origin: Origin,
) -> None:
    """Write prepared dialogues, whole or not at all."""
    with published_folder(directory) as folder:
        save_dialogues(folder, featurizer, tables, shards, origin)


def save_dialogues(
    folder: Path,
    featurizer: DialogueFeaturizer,
    tables: DialogueTables,
    shards: Iterable[DialogueShard],
    origin: Origin,
) -> None:
    """Write prepared dialogues into a folder that is there already."""
    counts = _write_shards(folder, shards)
    _write_tables(folder, tables)
    featurizer.save(folder)
    if featurizer.texts:
        for attribute, texts in tables.texts.items():
            writer = PreparedWriter(folder / "texts" / attribute)
            writer.add_shard(texts.take(np.arange(len(texts))))
            writer.finish(featurizer.texts.pipelines[attribute], texts.tables, origin)
    header = {
        "format": FORMAT_VERSION,
        "fingerprint": origin.fingerprint,
        "settings": origin.settings,
        **counts,
        "widths": {name: rows.shape[1] for name, rows in tables.rows.items()},
        "label_width": tables.label_rows.shape[1],
    }
    write_header(folder, header)


def _write_shards(folder: Path, shards: Iterable[DialogueShard]) -> dict[str, Any]:
    sizes, turns = [], 0
    for number, shard in enumerate(shards):
        for name in _SHARD_ARRAYS:
            np.save(folder / f"shard-{number:05d}.{name}.npy", getattr(shard, name))
        sizes.append(len(shard))
        turns += len(shard.turn_states)
    return {"examples": sum(sizes), "turns": turns, "shards": sizes}


def _write_tables(folder: Path, tables: DialogueTables) -> None:
    np.save(folder / "states.npy", tables.state_values)
    np.save(folder / "label_texts.npy", tables.label_texts)
    save_csr(folder / "labels", tables.label_rows)
    for attribute, rows in tables.rows.items():
        save_csr(folder / f"rows.{attribute}", rows)


def open_dialogues(directory: Path, *, verify: bool = True) -> PreparedDialogues:
    """Open prepared dialogues; with `verify`, check every file against its SHA-256 first.

    Raises:
        InputError: they are missing, half-written, of another format, truncated or altered.
    """
    header = existing_header(
        directory, format_version=FORMAT_VERSION, keys=HEADER_KEYS, what="dialogues"
    )
    check_files(directory, header, verify=verify)
    featurizer = DialogueFeaturizer.load(directory)
    texts = directory / "texts"
    tables = DialogueTables(
        state_values=_mapped(directory / "states.npy"),
        rows={
            name: load_csr(directory / f"rows.{name}", width)
            for name, width in header["widths"].items()
        },
        texts={
            name: open_prepared(texts / name, verify=False).store
            for name in featurizer.attributes
            if (texts / name).is_dir()
        },
        label_rows=load_csr(directory / "labels", header["label_width"]),
        label_texts=_mapped(directory / "label_texts.npy"),
        tagged=featurizer.tagged,
    )
    shards = [
        DialogueShard(
            **{name: _mapped(directory / f"shard-{n:05d}.{name}.npy") for name in _SHARD_ARRAYS}
        )
        for n in range(len(header["shards"]))
    ]
    full = header["settings"]["full_dialogues"]
    store = DialogueStore(tables, shards, full_dialogues=full)
    return PreparedDialogues(directory, header, featurizer, store)


def header_of_dialogues(directory: Path) -> dict[str, Any] | None:
    """The header of the prepared dialogues in `directory`, or None where there is none.

    Raises:
        InputError: it is damaged, or of another format.
    """
    return read_header(directory, format_version=FORMAT_VERSION, keys=HEADER_KEYS)


def _mapped(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r")
