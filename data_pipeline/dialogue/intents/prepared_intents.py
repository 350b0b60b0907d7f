"""From a domain and stories to what a model of unexpected intents is trained on, on disk.

| file | what |
|---|---|
| `header.json` | format, fingerprint, settings, SHA-256 per file |
| `dialogues/` | the examples (`data_pipeline/dialogue/prepared_dialogues.py`) |
| `intents.npy` | `IntentStore.intent_ids` |
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.atomic_files import published_folder
from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.domain.events import UserUttered
from data_pipeline.dialogue.intents.intent_examples import IntentExamples, can_be_learnt_from
from data_pipeline.dialogue.intents.intent_store import IntentStore
from data_pipeline.dialogue.prepare_dialogues import (
    DialogueSettings,
    DialogueSources,
    only_used_states,
    origin_of,
    story_texts,
)
from data_pipeline.dialogue.prepared_dialogues import open_dialogues, save_dialogues
from data_pipeline.dialogue.stories.story_files import (
    StoryData,
    read_stories,
    read_unchecked_stories,
)
from data_pipeline.dialogue.trackers.states import StateTable
from data_pipeline.dialogue.trackers.tracker_generator import training_trackers
from data_pipeline.errors import InputError
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.prepared import Origin
from data_pipeline.prepared_folder import (
    check_files,
    check_is_free,
    existing_header,
    read_header,
    told_if_unwritable,
    write_header,
)
from data_pipeline.warnings_to_user import told_once

logger = logging.getLogger(__name__)

FORMAT_VERSION = "intents-1"
DIALOGUES_FOLDER = "dialogues"
INTENTS_FILE = "intents.npy"


@dataclass(frozen=True)
class PreparedIntents:
    """An opened folder of prepared data."""

    directory: Path
    header: dict[str, Any]
    featurizer: DialogueFeaturizer
    store: IntentStore

    @property
    def fingerprint(self) -> str:
        return self.header["fingerprint"]


@told_once()
def prepare_intents(
    sources: DialogueSources,
    settings: DialogueSettings,
    directory: Path,
    *,
    text_features: FeatureSettings | None = None,
) -> PreparedIntents:
    """Prepare the stories into `directory`, unless it holds just that already.

    Args:
        text_features: the NLU pipeline, by which intents and actions are told apart by their words
            where some story is end to end.

    Raises:
        InputError: bad stories or domain, none that can be learnt from, or a directory that is
            something else or cannot be written.
    """
    origin = origin_of_intents(sources, settings, text_features)
    header = read_header(directory, format_version=FORMAT_VERSION)
    if header is not None and header["fingerprint"] == origin.fingerprint:
        logger.info("Using the prepared intents in %s: nothing has changed.", directory)
        return open_intents(directory)
    if header is None:
        check_is_free(directory, "holds no prepared intents")
    data = read_stories(sources.stories, sources.read_domain())
    _check_intents(data)
    table = StateTable(data.domain)
    examples = _examples(data, table, settings)
    if not len(examples):
        raise InputError(
            f"{', '.join(map(str, sources.stories))}: no story in which all is said by intents and "
            "done by actions with names. UnexpecTEDIntentPolicy learns from nothing else: leave it "
            "out of the configuration."
        )
    shards, states = only_used_states([examples.shard()], table)
    texts = story_texts(data, sources, text_features)
    featurizer = DialogueFeaturizer.fit(data.domain, states, texts)
    intents = examples.intent_ids()
    _report(intents, featurizer)
    with told_if_unwritable(directory, "intents"):
        with published_folder(directory) as folder:
            np.save(folder / INTENTS_FILE, intents)
            dialogues = folder / DIALOGUES_FOLDER
            dialogues.mkdir()
            save_dialogues(dialogues, featurizer, featurizer.tables(states), shards, origin)
            header = {"format": FORMAT_VERSION, "fingerprint": origin.fingerprint}
            write_header(folder, {**header, "settings": origin.settings})
    return open_intents(directory, verify=False)


def any_can_be_learnt_from(sources: DialogueSources) -> bool:
    """Whether there is a dialogue to learn from; glued ones add none.

    Raises:
        InputError: bad stories or domain.
    """
    data = read_unchecked_stories(sources.stories, sources.read_domain())
    trackers = training_trackers(data.steps, StateTable(data.domain), augmentation_factor=0)
    return any(
        can_be_learnt_from(tracker) and any(isinstance(e, UserUttered) for e in tracker.events)
        for tracker in trackers
    )


def _check_intents(data: StoryData) -> None:
    """Refuse intents that the domain lacks, as Rasa does: they would be labels without a column."""
    events = (event for step in data.steps for event in step.events)
    said = {event.intent for event in events if isinstance(event, UserUttered) and event.intent}
    unknown = sorted(said.difference(data.domain.intents))
    if unknown:
        first_use = data.names.first_use
        listed = "; ".join(f"{name!r}, first at {first_use['intent', name]}" for name in unknown)
        raise InputError(
            f"UnexpecTEDIntentPolicy must know all intents of the stories. Add to 'intents:' in "
            f"the domain, or correct the stories: {listed}"
        )


def _report(intents: np.ndarray, featurizer: DialogueFeaturizer) -> None:
    logger.info(
        "%d examples of what the user says next, of which one has up to %d of %d intents; "
        "attributes: %s.",
        *intents.shape,
        len(featurizer.domain.intents),
        ", ".join(featurizer.attributes),
    )


def _examples(data: StoryData, table: StateTable, settings: DialogueSettings) -> IntentExamples:
    examples = IntentExamples(settings.max_history, data.domain.intents)
    factor = settings.augmentation_factor
    for tracker in training_trackers(data.steps, table, augmentation_factor=factor):
        if can_be_learnt_from(tracker):
            examples.add(tracker, table)
    return examples


def origin_of_intents(
    sources: DialogueSources, settings: DialogueSettings, text_features: FeatureSettings | None
) -> Origin:
    """What prepared data comes from: equal sources and settings have equal fingerprints.

    Raises:
        InputError: a file is missing, or the pipeline has wrong options.
    """
    origin = origin_of(sources, settings, text_features)
    facts = f"{FORMAT_VERSION} {origin.fingerprint}"
    return Origin(hashlib.sha256(facts.encode()).hexdigest(), origin.settings)


def open_intents(directory: Path, *, verify: bool = True) -> PreparedIntents:
    """Open prepared data; with `verify`, check every file against its SHA-256 first.

    Raises:
        InputError: it is missing, half-written, of another format, truncated or altered.
    """
    header = existing_header(directory, format_version=FORMAT_VERSION, what="intents")
    check_files(directory, header, verify=verify)
    dialogues = open_dialogues(directory / DIALOGUES_FOLDER, verify=False)
    intents = np.load(directory / INTENTS_FILE, mmap_mode="r")
    store = IntentStore(dialogues.store, intents)
    return PreparedIntents(directory, header, dialogues.featurizer, store)
