"""The prepared data set on disk: a folder of `.npy` arrays, opened as memory maps, and a header.

It is complete or absent (`data_pipeline/atomic_files.py`), and a truncated or altered file is
refused by name (`data_pipeline/prepared_folder.py`).

| file | what |
|---|---|
| `header.json` | format version, fingerprint of sources and settings, settings, counts, SHA-256 |
| `pipeline.json` | tokenizer, fitted featurizers, labels, tags, synonyms |
| `featurizer-0.*.npy` … | words and vectors of a featurizer with dense features |
| `token_rows.*.npy`, `place_rows.*.npy` | CSR tables: features per token type, per place row |
| `token_vectors.npy` | dense features per token type, if there are any |
| `token_identity.npy` | equal for token types with equal features |
| `shard-00000.*.npy` … | the examples (`batches.examples.Examples`), a run of them per shard |
| `shard-00000.context_*.npy` … | what a language model makes of them, if there is one |
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.batches.example_store import ExampleStore
from data_pipeline.batches.examples import Context, Examples, FeatureTables
from data_pipeline.errors import InputError
from data_pipeline.messages.fitted_pipeline import FittedPipeline
from data_pipeline.prepared_folder import (
    HEADER_FILE,
    check_files,
    load_csr,
    read_header,
    save_csr,
    write_header,
)

FORMAT_VERSION = 1
"""One more wherever a data set that is there would be read wrongly; it is then prepared again."""
HEADER_KEYS = ("fingerprint", "settings", "examples", "tokens", "shards")
VECTORS_FILE = "token_vectors.npy"
_EXAMPLE_ARRAYS = [f.name for f in fields(Examples) if f.name not in ("tags", "context")]
_CONTEXT_ARRAYS = [f.name for f in fields(Context)]


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
    """Writes a prepared data set into a folder, shard by shard; the header comes last.

    >>> with published_folder(Path("prepared")) as folder:        # doctest: +SKIP
    ...     writer = PreparedWriter(folder)
    ...     writer.add_shard(examples)
    ...     writer.finish(pipeline, tables, origin)
    """

    def __init__(self, directory: Path):
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._shard_sizes: list[int] = []
        self._tokens = 0

    def add_shard(self, examples: Examples) -> None:
        """Write the next run of examples."""
        prefix = _shard_name(len(self._shard_sizes))
        for name in _EXAMPLE_ARRAYS:
            np.save(self._directory / f"{prefix}.{name}.npy", getattr(examples, name))
        for head, tags in examples.tags.items():
            np.save(self._directory / f"{prefix}.{head}_tags.npy", tags)
        for name in _CONTEXT_ARRAYS if examples.context else ():
            array = getattr(examples.context, name)
            np.save(self._directory / f"{prefix}.context_{name}.npy", array)
        self._shard_sizes.append(len(examples))
        self._tokens += len(examples.token_types)

    def finish(self, pipeline: FittedPipeline, tables: FeatureTables, origin: Origin) -> None:
        """Write the tables, the pipeline and the header."""
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
        }
        write_header(self._directory, header)


def open_prepared(directory: Path, *, verify: bool = True) -> PreparedDataset:
    """Open a prepared data set; with `verify`, check every file against its SHA-256 first.

    Raises:
        InputError: it is missing, half-written, of another format version, truncated or altered.
    """
    header = header_of_prepared(directory)
    if header is None:
        raise InputError(
            f"{directory} is not a prepared data set: it has no {HEADER_FILE}. "
            "Make one with `python -m trainer prepare PROJECT --out DIR`."
        )
    check_files(directory, header, verify=verify)
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
    shards = [_load_shard(directory, number, pipeline) for number in range(len(header["shards"]))]
    return PreparedDataset(directory, header, pipeline, ExampleStore(tables, shards))


def header_of_prepared(directory: Path) -> dict[str, Any] | None:
    """The header of the prepared data set in `directory`, or None where there is none.

    Raises:
        InputError: it is damaged, or of another format.
    """
    return read_header(directory, format_version=FORMAT_VERSION, keys=HEADER_KEYS)


def _shard_name(number: int) -> str:
    return f"shard-{number:05d}"


def _load_shard(directory: Path, number: int, pipeline: FittedPipeline) -> Examples:
    def load(name: str) -> np.ndarray:
        return np.load(directory / f"{_shard_name(number)}.{name}.npy", mmap_mode="r")

    tags = {head: load(f"{head}_tags") for head in pipeline.tags.heads}
    context = None
    if pipeline.has_context:
        context = Context(**{name: load(f"context_{name}") for name in _CONTEXT_ARRAYS})
    arrays = {name: load(name) for name in _EXAMPLE_ARRAYS}
    return Examples(tags=tags, context=context, **arrays)


def _load_vectors(directory: Path, pipeline: FittedPipeline) -> np.ndarray:
    if pipeline.dense_blocks:
        return np.load(directory / VECTORS_FILE, mmap_mode="r")
    types = len(np.load(directory / "token_identity.npy", mmap_mode="r"))
    return np.zeros((types, 0), np.float32)
