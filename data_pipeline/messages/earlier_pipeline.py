"""The fitted pipeline of an earlier run, which new training data extends.

Mirrors fine-tuning in Rasa: what was learnt keeps its columns, also where the new data lack the
word, new words and patterns get new ones, and labels stay as they are (`FinetuningValidator`, the
featurizers' `finetune_mode`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from data_pipeline.errors import InputError
from data_pipeline.file_hashes import sha256_of
from data_pipeline.messages.featurizer_arrays import ARRAY_FILES
from data_pipeline.messages.fitted_pipeline import PIPELINE_FILE, FittedPipeline

SHOWN_NAMES = 5


@dataclass(frozen=True)
class EarlierPipeline:
    """The pipeline that an earlier run keeps in `directory`, read when first needed.

    Attributes:
        digest: of its files; part of the fingerprint of what is prepared with it.
    """

    directory: Path
    digest: str

    @classmethod
    def of(cls, directory: Path) -> EarlierPipeline:
        """The one that is in `directory` now."""
        arrays = sorted(directory.glob(ARRAY_FILES))
        hashes = [sha256_of(path) for path in (directory / PIPELINE_FILE, *arrays)]
        return cls(directory, hashlib.sha256("".join(hashes).encode()).hexdigest())

    @cached_property
    def pipeline(self) -> FittedPipeline:
        """The fitted pipeline (`InputError` where an array is missing)."""
        return FittedPipeline.load(self.directory)


def check_extends(earlier: FittedPipeline, new: FittedPipeline) -> None:
    """Refuse new training data that the model of the earlier run cannot go on with.

    Raises:
        InputError: labels, tags or the length of word vectors differ; says how.
    """
    before, now = ((*p.dense_blocks, p.dense_width, p.sentence_dense_width) for p in (earlier, new))
    if before != now:
        raise InputError(
            f"The word vectors have {new.dense_width} numbers, those of the earlier run "
            f"{earlier.dense_width}. Use the same file or model, or train from scratch."
        )
    heads = sorted(earlier.tags.names.keys() | new.tags.names.keys())
    kinds = [("intent", earlier.labels, new.labels)]
    kinds += [(h, earlier.tags.names.get(h, ()), new.tags.names.get(h, ())) for h in heads]
    problems = []
    for kind, known, found in kinds:
        problems += _named(f"new {kind}", set(found) - set(known))
        problems += _named(f"no example of {kind}", set(known) - set(found))
    if problems:
        raise InputError(
            f"The training data does not have the labels of the earlier run ({'; '.join(problems)})"
            ". Give data with at least one example of each and no new ones, or train from scratch."
        )


def _named(what: str, names: Iterable[str]) -> list[str]:
    names = sorted(names)
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return [f"{what} {', '.join(names[:SHOWN_NAMES])}{more}"] if names else []


def column_origins(earlier: FittedPipeline, new: FittedPipeline) -> tuple[np.ndarray, np.ndarray]:
    """Where each sparse column of `new` was in `earlier`; -1 where it is new.

    Returns:
        `[sequence_width]` and `[sentence_width]` int64.
    """
    sequence, sentence = [], []
    for i, (old, now) in enumerate(zip(earlier.featurizers, new.featurizers, strict=True)):
        places = {key: column for column, key in enumerate(old.column_keys())}
        origins = np.array([places.get(key, -1) for key in now.column_keys()], np.int64)
        if np.count_nonzero(origins >= 0) != len(places):
            raise ValueError(f"{now.alias} lost columns of the pipeline that it extends.")
        sequence.append(_shifted(origins, earlier.sequence_starts[i]))
        if now.sentence_width:
            sentence.append(_shifted(origins, earlier.sentence_starts[i]))
    empty = np.zeros(0, np.int64)
    return np.concatenate([empty, *sequence]), np.concatenate([empty, *sentence])


def _shifted(origins: np.ndarray, start: int) -> np.ndarray:
    return np.where(origins >= 0, origins + start, -1)
