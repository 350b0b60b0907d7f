"""From NLU files and responses to what a response selector is trained on, prepared on disk.

| file | what |
|---|---|
| `header.json` | format, fingerprint, settings, SHA-256 per file |
| `messages/` | the examples and what featurizes them (`data_pipeline/messages/prepared.py`) |
| `responses.json`, `response_texts/` | the rest of `FittedResponses` |
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data_pipeline.atomic_files import published_folder
from data_pipeline.batches.example_store import ExampleStore
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import FittedPipeline
from data_pipeline.messages.labelling import Labelling
from data_pipeline.messages.prepare import Learnt
from data_pipeline.messages.prepared import open_prepared
from data_pipeline.prepared_folder import (
    check_files,
    check_is_free,
    existing_header,
    read_header,
    told_if_unwritable,
    write_header,
)
from data_pipeline.rasa_files.nlu_files import find_nlu_files
from data_pipeline.responses.fitted_responses import FittedResponses
from data_pipeline.responses.response_files import read_responses
from data_pipeline.responses.response_labels import ByResponseKey, ByResponseText
from data_pipeline.responses.response_texts import (
    response_pipeline,
    response_tensors,
    widths_of,
)
from data_pipeline.responses.responses import Responses
from data_pipeline.responses.retrieval_intents import count_response_keys
from data_pipeline.warnings_to_user import told_once

logger = logging.getLogger(__name__)

FORMAT_VERSION = "responses-1"
MESSAGES_FOLDER = "messages"


@dataclass(frozen=True)
class ResponseSources:
    """Where examples and responses are; files or folders."""

    nlu: tuple[Path, ...]
    domain: tuple[Path, ...] = ()

    def read(self) -> Responses:
        """All responses (`InputError` where a file is not shaped like them)."""
        return read_responses(self.nlu, self.domain)


@dataclass(frozen=True)
class ResponseSettings:
    """What decides, beside the sources, what a prepared data set holds.

    Attributes:
        features: how messages are featurized.
        retrieval_intent: the intent whose responses are learnt; None = those of all.
        by_text: whether labels are texts of responses rather than keys.
    """

    features: FeatureSettings
    retrieval_intent: str | None = None
    by_text: bool = False

    def with_labels(self, responses: Responses, keys: Sequence[str]) -> FeatureSettings:
        """How messages are featurized and labelled."""
        return replace(self.features, labelling=self.labelling(responses, keys))

    def labelling(self, responses: Responses, keys: Sequence[str]) -> Labelling:
        """What the labels of messages are, `keys` being all response keys that occur."""
        if not self.by_text:
            return ByResponseKey(self.retrieval_intent)
        texts = {key: responses.text_of(key) for key in sorted(keys)}
        known = {key: text for key, text in texts.items() if text is not None}
        return ByResponseText(self.retrieval_intent, known)


@dataclass(frozen=True)
class PreparedResponses:
    """An opened folder of prepared data."""

    directory: Path
    header: dict[str, Any]
    fitted: FittedResponses
    store: ExampleStore

    @property
    def fingerprint(self) -> str:
        return self.header["fingerprint"]


def count_labels(sources: ResponseSources, settings: ResponseSettings) -> int:
    """How many different responses there are examples of."""
    keys = [key for key in count_response_keys(sources.nlu) if key is not None]
    if settings.retrieval_intent is not None:
        keys = [key for key in keys if key.partition("/")[0].strip() == settings.retrieval_intent]
    if not settings.by_text or not keys:
        return len(keys)
    responses = sources.read()
    return len({responses.text_of(key) for key in keys} - {None})


@told_once()
def prepare_responses(
    sources: ResponseSources,
    settings: ResponseSettings,
    directory: Path,
    *,
    processes: int = 1,
    show_progress: bool = True,
) -> PreparedResponses:
    """Prepare the examples into `directory`, unless it holds just that already.

    Raises:
        InputError: bad training data or settings, or a directory that is something else or cannot
            be written.
    """
    source = _Source.read(sources, settings)
    header = read_header(directory, format_version=FORMAT_VERSION)
    if header is not None and header["fingerprint"] == source.fingerprint:
        logger.info("Using the prepared responses in %s: nothing has changed.", directory)
        return open_responses(directory)
    if header is None:
        check_is_free(directory, "holds no prepared responses")
    learnt = Learnt.from_files(
        source.files,
        source.features,
        source.fingerprint_of_messages,
        processes=processes,
        show_progress=show_progress,
    )
    fitted = source.fitted(learnt.pipeline, settings)
    with told_if_unwritable(directory, "responses"):
        with published_folder(directory) as folder:
            learnt.write_examples(folder / MESSAGES_FOLDER)
            fitted.save_responses(folder)
            written = {
                "format": FORMAT_VERSION,
                "fingerprint": source.fingerprint,
                "settings": source.features.to_json(),
            }
            write_header(folder, written)
    return open_responses(directory, verify=False)


@dataclass(frozen=True)
class _Source:
    """What was read before the examples are prepared."""

    files: Sequence[Path]
    fingerprint_of_messages: str
    counts: Counter[str | None]
    responses: Responses
    features: FeatureSettings
    fingerprint: str

    @classmethod
    def read(cls, sources: ResponseSources, settings: ResponseSettings) -> _Source:
        counts = count_response_keys(sources.nlu)
        responses = sources.read()
        features = settings.with_labels(responses, [key for key in counts if key is not None])
        files = find_nlu_files(sources.nlu)
        of_messages = features.fingerprint(files)
        facts = [FORMAT_VERSION, of_messages, responses.to_json()]
        digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        return cls(files, of_messages, counts, responses, features, digest)

    def fitted(self, pipeline: FittedPipeline, settings: ResponseSettings) -> FittedResponses:
        keys = {key for key in self.counts if key is not None}
        intents = tuple(sorted({key.partition("/")[0].strip() for key in keys}))
        fitted = FittedResponses(pipeline, self.responses, intents)
        if not settings.by_text:
            return fitted
        said = [
            (key and self.responses.text_of(key)) or ""
            for key, count in self.counts.items()
            for _ in range(count)
        ]
        of_texts = response_pipeline(settings.features, pipeline, said)
        tensors = response_tensors(of_texts, pipeline.labels)
        return replace(fitted, texts=tensors, text_widths=widths_of(of_texts))


def fingerprint_of(sources: ResponseSources, settings: ResponseSettings) -> str:
    """Equal exactly for equal examples, responses and settings.

    Raises:
        InputError: a file is missing or not shaped as it should be, or the settings are wrong.
    """
    return _Source.read(sources, settings).fingerprint


def open_responses(directory: Path, *, verify: bool = True) -> PreparedResponses:
    """Open prepared data; with `verify`, check every file against its SHA-256 first.

    Raises:
        InputError: it is missing, half-written, of another format, truncated or altered.
    """
    header = existing_header(directory, format_version=FORMAT_VERSION, what="responses")
    check_files(directory, header, verify=verify)
    dataset = open_prepared(directory / MESSAGES_FOLDER, verify=False)
    fitted = FittedResponses.with_pipeline(dataset.pipeline, directory)
    return PreparedResponses(directory, header, fitted, dataset.store)
