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
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from data_pipeline.atomic_files import published_folder
from data_pipeline.batches.examples import Examples, join
from data_pipeline.entities.regex_extractor import EntityPatterns
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
from data_pipeline.messages.labelling import Labelling
from data_pipeline.messages.places import Place
from data_pipeline.messages.prepared import (
    Origin,
    PreparedDataset,
    PreparedWriter,
    header_of_prepared,
    open_prepared,
)
from data_pipeline.messages.report import report_scan, report_vectors
from data_pipeline.messages.scan import (
    Scanner,
    ScanResult,
    SideItems,
    statistics_of_other_texts,
)
from data_pipeline.prepared_folder import check_is_free, told_if_unwritable
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
        check_is_free(directory, "is not a prepared data set")
    logger.info("Preparing %d training file(s) into %s.", len(files), directory)
    learnt = Learnt.from_files(
        files, settings, fingerprint, processes=processes, show_progress=show_progress
    )
    with told_if_unwritable(directory, "data set"):
        with published_folder(directory) as folder:
            learnt.write_examples(folder)
    return open_prepared(directory, verify=False)


@dataclass(frozen=True)
class Learnt:
    """What the first pass over the training files came to.

    Attributes:
        fingerprint: of the settings and the files when they were read.
        pipeline: fitted to them.
    """

    files: Sequence[Path]
    settings: FeatureSettings
    fingerprint: str
    pipeline: FittedPipeline
    scan: ScanResult
    processes: int
    progress: _Progress

    @classmethod
    def from_files(
        cls,
        files: Sequence[Path],
        settings: FeatureSettings,
        fingerprint: str,
        *,
        processes: int = 1,
        show_progress: bool = True,
    ) -> Learnt:
        """Learn from the training files, whose fingerprint with these settings is known.

        Raises:
            InputError: bad training data or settings, or no usable message.
        """
        progress = _Progress(show_progress)
        scanner = settings.scanner()
        scan = _scan(files, scanner, processes, progress)
        earlier = settings.earlier.pipeline if settings.earlier else None
        pipeline = scan.fit(scanner, earlier)
        if settings.entity_patterns:
            found = scan.side_items
            patterns = EntityPatterns.of(found.entity_names, found.regexes, found.lookups)
            pipeline = replace(pipeline, entity_patterns=patterns)
        if earlier is not None:
            check_extends(earlier, pipeline)
        report_scan(scan, pipeline, settings.labelling.plural)
        return cls(files, settings, fingerprint, pipeline, scan, processes, progress)

    def write_examples(self, folder: Path) -> None:
        """The second pass: write a prepared data set into a folder.

        Raises:
            InputError: the files are not what they were in the first pass.
        """
        try:
            self._write(folder)
        except KeyError:  # a token that the first pass has not seen
            self._check_unchanged()
            raise
        self._check_unchanged()

    def _check_unchanged(self) -> None:
        if self.settings.fingerprint(self.files) != self.fingerprint:
            raise InputError(
                "The training files changed while they were prepared, and nothing was written. "
                "Run the same command again."
            )

    def _write(self, folder: Path) -> None:
        pipeline, settings = self.pipeline, self.settings
        types = self.scan.token_types()
        type_ids = {token: index for index, token in enumerate(types)}
        encoder = _Encoder(
            pipeline.without_dense_only(), type_ids, settings.labelling, pipeline.has_context
        )
        encoded = _encoded(self.files, encoder, self.processes)
        written = self.progress(encoded, "Writing", self.scan.total.messages)
        places = IdAssigner()
        writer = PreparedWriter(folder)
        for shard in _shards(_with_context(written, pipeline), places):
            writer.add_shard(shard)
        tables = feature_tables(pipeline, types, places.keys())
        report_vectors(pipeline, tables)
        origin = Origin(self.fingerprint, settings.to_json())
        writer.finish(pipeline, tables, origin)


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
    chunks = _chunks(map(scanner.labelling.named, side_items.take_from(iter_nlu_files(files))))
    results = ((r.messages, r) for r in map_chunks(scanner, chunks, processes))
    scanned = chain(progress(results, "Scanning"), [statistics_of_other_texts(scanner)])
    scan = ScanResult.of_chunks(scanner, scanned, side_items)
    if not scan.total.messages:
        raise InputError(
            f"{', '.join(map(str, files)) or 'no NLU training file'}: no example with both a text "
            "and an intent; add some"
        )
    return scan


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
    labelling: Labelling
    gives_tokens: bool

    def __call__(self, messages: Sequence[Message]) -> _Encoded:
        places, label_of = IdAssigner(), self.labelling.label_of
        labelled = [message for message in messages if label_of(message) is not None]
        tokenized = [m for m in tokenize(self.pipeline.tokenizer, labelled) if m.tokens]
        examples = encode(self.pipeline, tokenized, self.type_ids, places, label_of=label_of)
        return _Encoded(examples, places.keys(), tokenized if self.gives_tokens else ())


def _encoded(
    files: Sequence[Path], encoder: _Encoder, processes: int
) -> Iterator[tuple[int, _Encoded]]:
    """How many examples each chunk has, and they."""
    messages = map(encoder.labelling.named, SideItems().take_from(iter_nlu_files(files)))
    results = map_chunks(encoder, _chunks(messages), processes)
    return ((len(result.examples), result) for result in results)


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
