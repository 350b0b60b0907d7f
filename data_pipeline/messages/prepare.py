"""From training files to a prepared data set, in two streaming passes over the messages.

1. *Scan*: which tokens, intents and tags there are; what each featurizer needs to know.
2. *Write*: every message as ids, shard by shard.

Messages are handled in chunks, by several processes if wanted. Of a chunk only its distinct tokens
and counts outlive it, so memory grows with the vocabulary rather than with the number of messages.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from data_pipeline.atomic_files import published_folder
from data_pipeline.batches.examples import Examples, FeatureTables, join
from data_pipeline.errors import InputError
from data_pipeline.featurizers.featurizer import TokenizedMessage, tokenize
from data_pipeline.messages.chunk_workers import map_chunks
from data_pipeline.messages.earlier_pipeline import check_extends
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import (
    FittedPipeline,
    encode,
    feature_tables,
)
from data_pipeline.messages.identities import IdAssigner
from data_pipeline.messages.places import Place
from data_pipeline.messages.prepared import (
    Origin,
    PreparedDataset,
    PreparedWriter,
    header_of_prepared,
    open_prepared,
)
from data_pipeline.messages.scan import Scanner, ScanResult, SideItems
from data_pipeline.rasa_files.nlu_files import find_nlu_files, iter_nlu_files
from data_pipeline.rasa_files.training_items import Message, TokenType
from data_pipeline.warnings_to_user import told_once

logger = logging.getLogger(__name__)

CHUNK_MESSAGES = 2000
SHARD_MESSAGES = 64_000
SHARD_CONTEXT_BYTES = 2**28  # of dense features per token: a shard is held in memory


@told_once()
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
        InputError: bad training data or settings, no usable message, or a directory that is
            something else or cannot be written.
    """
    files = find_nlu_files(nlu_paths)
    fingerprint = settings.fingerprint(files)
    header = header_of_prepared(directory)
    if header is not None and header["fingerprint"] == fingerprint:
        logger.info("Using the prepared data set in %s: nothing has changed.", directory)
        return open_prepared(directory)
    if header is None:
        _check_is_free(directory)
    logger.info("Preparing %d training file(s) into %s.", len(files), directory)
    progress = _Progress(show_progress)
    scanner = settings.scanner()
    scan = _scan(files, scanner, processes, progress)
    earlier = settings.earlier.pipeline if settings.earlier else None
    pipeline = scan.fit(scanner, earlier)
    if earlier is not None:
        check_extends(earlier, pipeline)
    _report(scan, pipeline)
    try:
        origin = Origin(fingerprint, settings.to_json())
        _write(files, scan, pipeline, directory, origin, processes, progress)
    except OSError as error:
        raise InputError(
            f"Cannot write the prepared data set to {directory}: {error.strerror or error}."
        ) from error
    return open_prepared(directory, verify=False)


def _check_is_free(directory: Path) -> None:
    """Refuse to replace what is something else."""
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise InputError(
            f"{directory} exists and is not a prepared data set. Choose another place or remove it."
        )


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
    chunks = _chunks(side_items.take_from(iter_nlu_files(files)))
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
        if featurizer.context_width or featurizer.context_sentence_width:
            logger.info(
                "%s: %d numbers per token and %d per text, which depend on the whole text.",
                featurizer.alias,
                featurizer.context_width,
                featurizer.context_sentence_width,
            )
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


class _Encoded(NamedTuple):
    """One chunk; see `_Encoder`."""

    examples: Examples
    places: list[Place]
    messages: Sequence[TokenizedMessage]


@dataclass
class _Encoder:
    """Encodes one chunk of messages; place ids are the chunk's own. Picklable.

    Attributes:
        gives_tokens: whether the messages come back with their tokens.
    """

    pipeline: FittedPipeline
    type_ids: dict[TokenType, int]
    gives_tokens: bool

    def __call__(self, messages: Sequence[Message]) -> _Encoded:
        places = IdAssigner()
        tokenized = [m for m in tokenize(self.pipeline.tokenizer, messages) if m.tokens]
        examples = encode(self.pipeline, tokenized, self.type_ids, places)
        return _Encoded(examples, places.keys(), tokenized if self.gives_tokens else ())


def _write(
    files: Sequence[Path],
    scan: ScanResult,
    pipeline: FittedPipeline,
    directory: Path,
    origin: Origin,
    processes: int,
    progress: _Progress,
) -> None:
    types = scan.token_types()
    type_ids = {token: index for index, token in enumerate(types)}
    encoder = _Encoder(pipeline.without_dense_only(), type_ids, pipeline.has_context)
    chunks = _chunks(SideItems().take_from(iter_nlu_files(files)))
    encoded = ((len(r.examples), r) for r in map_chunks(encoder, chunks, processes))
    places = IdAssigner()
    with published_folder(directory) as folder:
        writer = PreparedWriter(folder)
        written = progress(encoded, "Writing", scan.messages)
        for shard in _shards(_with_context(written, pipeline), places):
            writer.add_shard(shard)
        tables = feature_tables(pipeline, types, places.keys())
        _report_vectors(pipeline, tables)
        writer.finish(pipeline, tables, origin)


def _with_context(encoded: Iterable[_Encoded], pipeline: FittedPipeline) -> Iterator[_Encoded]:
    """Adds what a language model makes of the texts: here, for it runs on all cores by itself."""
    for chunk in encoded:
        context = pipeline.context(chunk.messages) if pipeline.has_context else None
        yield chunk._replace(examples=replace(chunk.examples, context=context))


def _shards(encoded: Iterable[_Encoded], place_ids: IdAssigner) -> Iterator[Examples]:
    """Join chunks to shards, with place ids that mean the same in all of them."""
    waiting: list[Examples] = []
    for examples, places, _ in encoded:
        waiting.append(examples.with_places([place_ids(place) for place in places]))
        large = sum(e.context.tokens.nbytes for e in waiting if e.context) >= SHARD_CONTEXT_BYTES
        if large or sum(map(len, waiting)) >= SHARD_MESSAGES:
            yield join(waiting)
            waiting = []
    if waiting:
        yield join(waiting)
