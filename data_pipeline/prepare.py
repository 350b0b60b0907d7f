"""From training files to a prepared data set, in two streaming passes over the messages.

1. *Scan*: which tokens, intents and tags there are; what each featurizer needs to know.
2. *Write*: every message as ids, shard by shard.

Messages are handled in chunks, by several processes if wanted. Of a chunk only its distinct tokens
and counts outlive it, so memory grows with the vocabulary rather than with the number of messages.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_pipeline.chunk_workers import map_chunks
from data_pipeline.errors import InputError
from data_pipeline.example_store import Examples, FeatureTables, join
from data_pipeline.examples import Message
from data_pipeline.nlu_files import find_nlu_files, iter_nlu
from data_pipeline.pipeline import FittedPipeline, IdAssigner, encode, feature_tables
from data_pipeline.pipeline_components import build_featurizers
from data_pipeline.prepared import (
    FORMAT_VERSION,
    PreparedDataset,
    PreparedWriter,
    open_prepared,
    read_header,
    sha256_of,
)
from data_pipeline.scan import Scanner, ScanResult, SideItems, tokenize

logger = logging.getLogger(__name__)

CHUNK_MESSAGES = 2000
SHARD_MESSAGES = 64_000


@dataclass(frozen=True)
class FeatureSettings:
    """What decides, beside the training files, what a prepared data set holds.

    Attributes:
        pipeline: the `pipeline:` list of the Rasa configuration.
        featurizers: aliases of the featurizers to use; empty = all.
        bilou: BILOU tags rather than plain ones.
        entities: whether tags are wanted at all.
    """

    pipeline: Sequence[dict[str, Any]]
    featurizers: tuple[str, ...] = ()
    bilou: bool = True
    entities: bool = True

    def scanner(self) -> Scanner:
        """The unfitted tokenizer, featurizers and tags.

        Raises:
            InputError: the pipeline has no (such) featurizers, or wrong options.
        """
        components = build_featurizers(self.pipeline)
        chosen = components.featurizers
        if self.featurizers:
            known = [featurizer.alias for featurizer in chosen]
            for alias in self.featurizers:
                if alias not in known:
                    raise InputError(
                        f"featurizers: there is no featurizer with the alias {alias!r}; "
                        f"the pipeline has {', '.join(known) or 'none'}"
                    )
            chosen = tuple(f for f in chosen if f.alias in self.featurizers)
        if not chosen:
            raise InputError(
                "pipeline: no featurizer that is available here; add for example "
                "'- name: CountVectorsFeaturizer' before DIETClassifier"
            )
        return Scanner(components.tokenizer, chosen, self.bilou, self.entities)

    def fingerprint(self, files: Sequence[Path]) -> str:
        """Equal exactly for equal settings, equal training files and equal format version.

        Training files are also those that featurizers read, such as word vectors.

        Raises:
            InputError: as `scanner`, or a file of a featurizer does not exist.
        """
        scanner = self.scanner()
        files = [*files, *(path for f in scanner.featurizers for path in f.source_files())]
        settings = {
            "format": FORMAT_VERSION,
            "tokenizer": scanner.tokenizer.options(),
            "featurizers": [[f.name, f.options()] for f in scanner.featurizers],
            "bilou": self.bilou,
            "entities": self.entities,
            "files": [sha256_of(path) for path in files],
        }
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def prepare(
    nlu_paths: Sequence[Path],
    settings: FeatureSettings,
    directory: Path,
    *,
    processes: int = 1,
    show_progress: bool = True,
) -> PreparedDataset:
    """Prepare the training files into `directory`, unless it holds just that already.

    Raises:
        InputError: bad training data or settings, no usable message, or a directory that cannot
            be written.
    """
    files = find_nlu_files(nlu_paths)
    fingerprint = settings.fingerprint(files)
    header = read_header(directory)
    if header is not None and header["fingerprint"] == fingerprint:
        logger.info("Using the prepared data set in %s: nothing has changed.", directory)
        return open_prepared(directory)
    logger.info("Preparing %d training file(s) into %s.", len(files), directory)
    progress = _Progress(show_progress)
    scanner = settings.scanner()
    scan = _scan(files, scanner, processes, progress)
    pipeline = scan.fit(scanner)
    _report(scan, pipeline)
    try:
        _write(files, scan, pipeline, directory, fingerprint, processes, progress)
    except OSError as error:
        raise InputError(
            f"Cannot write the prepared data set to {directory}: {error.strerror or error}."
        ) from error
    return open_prepared(directory, verify=False)


@dataclass(frozen=True)
class _Progress:
    """A bar with rate and time left; in a log a line every ten seconds."""

    shown: bool

    def __call__(self, chunks: Iterable, stage: str, total: int | None = None) -> Iterator:
        interval = 0.2 if sys.stderr.isatty() else 10.0
        with tqdm(
            desc=stage,
            total=total,
            unit=" messages",
            unit_scale=True,
            mininterval=interval,
            disable=not self.shown,
        ) as bar:
            for size, result in chunks:
                bar.update(size)
                yield result


def _chunks(messages: Iterable[Message]) -> Iterator[list[Message]]:
    messages = iter(messages)
    while chunk := list(islice(messages, CHUNK_MESSAGES)):
        yield chunk


def _scan(
    files: Sequence[Path], scanner: Scanner, processes: int, progress: _Progress
) -> ScanResult:
    side_items = SideItems()
    chunks = _chunks(side_items.take_from(iter_nlu(files)))
    results = ((r.messages, r) for r in map_chunks(scanner, chunks, processes))
    scan = ScanResult(list(progress(results, "Scanning")), side_items)
    if not scan.messages:
        raise InputError(
            f"{', '.join(map(str, files))}: no example with both a text and an intent; "
            "add some under 'nlu:'"
        )
    return scan


def _report(scan: ScanResult, pipeline: FittedPipeline) -> None:
    tags = ", ".join(f"{number} {head} tags" for head, number in pipeline.tags.num_tags.items())
    logger.info(
        "%d messages, %d distinct tokens, %d intents, %s.",
        scan.messages,
        len(scan.token_types()),
        len(pipeline.labels),
        tags or "no entities",
    )
    for featurizer in pipeline.without_dense_only().featurizers:
        logger.info(
            "%s: %d columns per token, %d per text.",
            featurizer.alias,
            featurizer.sequence_width,
            featurizer.sentence_width,
        )
    if scan.without_tokens:
        logger.warning("%d message(s) have no text and were left out.", scan.without_tokens)
    if scan.misaligned:
        logger.warning(
            "%d annotated entities do not begin and end where tokens do; they cannot be learnt "
            "from. The first: %s",
            scan.misaligned,
            "; ".join(map(str, scan.shown_misaligned)),
        )


def _report_vectors(pipeline: FittedPipeline, tables: FeatureTables) -> None:
    """Say how many of the tokens each dense featurizer knows: the file may not fit the data."""
    end = 0
    for featurizer in pipeline.featurizers:
        if featurizer.dense_width:
            start, end = end, end + featurizer.dense_width
            known = int(tables.token_vectors[:, start:end].any(axis=1).sum())
            logger.log(
                logging.INFO if known else logging.WARNING,
                "%s: vectors of %d numbers; %d of %d distinct tokens have one.",
                featurizer.alias,
                featurizer.dense_width,
                known,
                len(tables.token_vectors),
            )


@dataclass
class _Encoder:
    """Encodes one chunk of messages; place ids are the chunk's own. Picklable."""

    pipeline: FittedPipeline
    type_ids: dict[str, int]

    def __call__(self, messages: Sequence[Message]) -> tuple[Examples, list[tuple[int, ...]]]:
        places = IdAssigner()
        tokenized = [m for m in tokenize(self.pipeline.tokenizer, messages) if m.tokens]
        return encode(self.pipeline, tokenized, self.type_ids, places), places.keys()


def _write(
    files: Sequence[Path],
    scan: ScanResult,
    pipeline: FittedPipeline,
    directory: Path,
    fingerprint: str,
    processes: int,
    progress: _Progress,
) -> None:
    types = scan.token_types()
    type_ids = {token: index for index, token in enumerate(types)}
    encoder = _Encoder(pipeline.without_dense_only(), type_ids)
    chunks = _chunks(SideItems().take_from(iter_nlu(files)))
    encoded = ((len(r[0]), r) for r in map_chunks(encoder, chunks, processes))
    places = IdAssigner()
    directory.parent.mkdir(parents=True, exist_ok=True)
    with PreparedWriter(directory) as writer:
        for shard in _shards(progress(encoded, "Writing", scan.messages), places):
            writer.add_shard(shard)
        tables = feature_tables(pipeline, types, places.keys())
        _report_vectors(pipeline, tables)
        writer.finish(pipeline, tables, fingerprint)


def _shards(encoded: Iterable, place_ids: IdAssigner) -> Iterator[Examples]:
    """Join chunks to shards, with place ids that mean the same in all of them."""
    waiting: list[Examples] = []
    for examples, places in encoded:
        waiting.append(examples.with_places([place_ids(place) for place in places]))
        if sum(map(len, waiting)) >= SHARD_MESSAGES:
            yield join(waiting)
            waiting = []
    if waiting:
        yield join(waiting)
