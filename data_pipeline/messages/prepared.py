"""The prepared data set on disk: a folder of `.npy` arrays, opened as memory maps, and a header.

The folder is complete or absent: it is written under another name and renamed at the end. Every
file's size and SHA-256 are in `header.json`, so a truncated or altered one is refused by name.

| file | what |
|---|---|
| `header.json` | format version, fingerprint of sources and settings, settings, counts, SHA-256 |
| `pipeline.json` | tokenizer, fitted featurizers, labels, tags, synonyms |
| `featurizer-0.*.npy` … | words and vectors of a featurizer with dense features |
| `token_rows.*.npy`, `place_rows.*.npy` | CSR tables: features per token type, per place row |
| `token_vectors.npy` | dense features per token type, if there are any |
| `token_identity.npy` | equal for token types with equal features |
| `shard-00000.*.npy` … | the examples (`example_store.Examples`), a run of them per shard |
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.atomic_files import (
    HEADER_FILE,
    check_file,
    load_csr,
    publish,
    save_csr,
    sha256_of,
)
from data_pipeline.batches.example_store import Examples, ExampleStore, FeatureTables
from data_pipeline.errors import InputError
from data_pipeline.messages.fitted_pipeline import FittedPipeline

FORMAT_VERSION = 1
HEADER_KEYS = {"fingerprint", "settings", "examples", "tokens", "shards", "files"}
VECTORS_FILE = "token_vectors.npy"
_EXAMPLE_ARRAYS = [field.name for field in fields(Examples) if field.name != "tags"]


@dataclass(frozen=True)
class Origin:
    """What a prepared data set was made from.

    Attributes:
        fingerprint: of the training files and the settings.
        settings: the settings, JSON-able, to tell what differs.
    """

    fingerprint: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class PreparedDataset:
    """An opened prepared data set."""

    directory: Path
    header: dict
    pipeline: FittedPipeline
    store: ExampleStore

    @property
    def fingerprint(self) -> str:
        return self.header["fingerprint"]


class PreparedWriter:
    """Writes a prepared data set, shard by shard, and publishes it whole or not at all.

    >>> with PreparedWriter(Path("prepared")) as writer:          # doctest: +SKIP
    ...     writer.add_shard(examples)
    ...     writer.finish(pipeline, tables, origin)
    """

    def __init__(self, directory: Path):
        self._final = directory
        self._directory = directory.with_name(f".{directory.name}.partial")
        self._shard_sizes: list[int] = []
        self._tokens = 0

    def __enter__(self) -> PreparedWriter:
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True)
        return self

    def __exit__(self, *_) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def add_shard(self, examples: Examples) -> None:
        """Write the next run of examples."""
        prefix = _shard_name(len(self._shard_sizes))
        for name in _EXAMPLE_ARRAYS:
            np.save(self._directory / f"{prefix}.{name}.npy", getattr(examples, name))
        for head, tags in examples.tags.items():
            np.save(self._directory / f"{prefix}.{head}_tags.npy", tags)
        self._shard_sizes.append(len(examples))
        self._tokens += len(examples.token_types)

    def finish(self, pipeline: FittedPipeline, tables: FeatureTables, origin: Origin) -> None:
        """Write the tables, the pipeline and the header, and publish the folder."""
        save_csr(self._directory / "token_rows", tables.token_rows)
        save_csr(self._directory / "place_rows", tables.place_rows)
        if tables.dense_width:
            np.save(self._directory / VECTORS_FILE, tables.token_vectors)
        np.save(self._directory / "token_identity.npy", tables.token_identity)
        pipeline.save(self._directory)
        header = {
            "format": FORMAT_VERSION,
            "fingerprint": origin.fingerprint,
            "settings": origin.settings,
            "examples": sum(self._shard_sizes),
            "tokens": self._tokens,
            "shards": self._shard_sizes,
            "files": {
                path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
                for path in sorted(self._directory.iterdir())
            },
        }
        (self._directory / HEADER_FILE).write_text(json.dumps(header, indent=1), encoding="utf-8")
        publish(self._directory, self._final)


def open_prepared(directory: Path, *, verify: bool = True) -> PreparedDataset:
    """Open a prepared data set; with `verify`, check every file against its SHA-256 first.

    Raises:
        InputError: it is missing, half-written, of another format version, truncated or altered.
    """
    header = read_header(directory)
    if header is None:
        raise InputError(
            f"{directory} is not a prepared data set: it has no {HEADER_FILE}. "
            "Make one with `python -m trainer prepare PROJECT --out DIR`."
        )
    for name, recorded in header["files"].items():
        check_file(directory / name, recorded, hashed=verify)
    pipeline = FittedPipeline.load(directory)
    tables = FeatureTables(
        token_rows=load_csr(directory / "token_rows", pipeline.sequence_width),
        place_rows=load_csr(directory / "place_rows", pipeline.sequence_width),
        token_vectors=_load_vectors(directory, pipeline),
        token_identity=np.load(directory / "token_identity.npy", mmap_mode="r"),
        sentence_column=pipeline.sentence_column(),
        sentence_width=pipeline.sentence_width,
        dense_blocks=pipeline.dense_blocks,
    )
    shards = [
        _load_shard(directory, number, pipeline.tags.heads)
        for number in range(len(header["shards"]))
    ]
    return PreparedDataset(directory, header, pipeline, ExampleStore(tables, shards))


def read_header(directory: Path) -> dict | None:
    """The header of the prepared data set in `directory`, or None where there is none."""
    path = directory / HEADER_FILE
    if not path.is_file():
        return None
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        version = header["format"]
        complete = version != FORMAT_VERSION or HEADER_KEYS <= header.keys()
    except (ValueError, KeyError, TypeError, AttributeError):
        complete = False
    if not complete:
        raise InputError(f"{path} is damaged. Remove the folder and prepare again.")
    if version != FORMAT_VERSION:
        raise InputError(
            f"{directory} was prepared in format {version}; this version reads {FORMAT_VERSION}. "
            "Remove the folder and prepare again."
        )
    return header


def _shard_name(number: int) -> str:
    return f"shard-{number:05d}"


def _load_shard(directory: Path, number: int, heads: Sequence[str]) -> Examples:
    def load(name: str) -> np.ndarray:
        return np.load(directory / f"{_shard_name(number)}.{name}.npy", mmap_mode="r")

    tags = {head: load(f"{head}_tags") for head in heads}
    return Examples(tags=tags, **{name: load(name) for name in _EXAMPLE_ARRAYS})


def _load_vectors(directory: Path, pipeline: FittedPipeline) -> np.ndarray:
    if pipeline.dense_width:
        return np.load(directory / VECTORS_FILE, mmap_mode="r")
    types = len(np.load(directory / "token_identity.npy", mmap_mode="r"))
    return np.zeros((types, 0), np.float32)
