"""From a domain and stories to prepared dialogues on disk.

1. *Read*: domain and stories, as events; equal events are one object.
2. *Tell*: the steps become dialogues, lists of numbers of states.
3. *Write*: turns and examples, shard by shard; features only of distinct values.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.dialogue.dialogue_arrays import DialogueShard, ShardBuilder
from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.domain_files import find_domain_files, read_domain
from data_pipeline.dialogue.prepared_dialogues import (
    FORMAT_VERSION,
    PreparedDialogues,
    header_of_dialogues,
    open_dialogues,
    write_dialogues,
)
from data_pipeline.dialogue.stories.story_files import StoryData, find_story_files, read_stories
from data_pipeline.dialogue.story_texts import StoryTexts, is_end_to_end
from data_pipeline.dialogue.trackers.states import State, StateTable
from data_pipeline.dialogue.trackers.tracker_generator import training_trackers
from data_pipeline.dialogue.trackers.turns import NO_LABEL, Turns, Window, WindowCutter, turns_of
from data_pipeline.errors import InputError
from data_pipeline.file_hashes import sha256_of
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.prepared import Origin
from data_pipeline.prepared_folder import check_is_free, check_sources, told_if_unwritable
from data_pipeline.rasa_files.nlu_files import find_nlu_files
from data_pipeline.warnings_to_user import told_once

logger = logging.getLogger(__name__)

SHARD_TURNS = 256_000


@dataclass(frozen=True)
class DialogueSources:
    """Where the dialogues of a project are described; files or folders.

    Attributes:
        nlu: adds the actions of retrieval intents, and the vocabulary of end-to-end stories.
    """

    domain: tuple[Path, ...]
    stories: tuple[Path, ...]
    nlu: tuple[Path, ...] = ()

    def read_domain(self) -> Domain:
        """The domain with what NLU data adds to it."""
        return read_domain(self.domain, self.nlu)

    def files(self) -> list[Path]:
        """Every file that is read."""
        nlu = find_nlu_files(self.nlu) if self.nlu else []
        return [*find_domain_files(self.domain), *find_story_files(self.stories), *nlu]


@dataclass(frozen=True)
class DialogueSettings:
    """What decides, beside the sources, which examples there are.

    Attributes:
        max_history: states per example at most; None = all since the start.
        augmentation_factor: how many stories are glued together (`training_trackers`).
        full_dialogues: one example per dialogue, all its actions being labels
            (`FullDialogueTrackerFeaturizer`).
    """

    max_history: int | None = None
    augmentation_factor: int = 50
    full_dialogues: bool = False


@told_once()
def prepare_dialogues(
    sources: DialogueSources,
    settings: DialogueSettings,
    directory: Path,
    *,
    text_features: FeatureSettings | None = None,
) -> PreparedDialogues:
    """Prepare the stories into `directory`, unless it holds just that already.

    Args:
        text_features: the NLU pipeline, by which texts of end-to-end stories are featurized.

    Raises:
        InputError: bad stories or domain, end-to-end stories without a pipeline, or a directory
            that is something else or cannot be written.
    """
    origin = origin_of(sources, settings, text_features)
    header = header_of_dialogues(directory)
    if header is not None and header["fingerprint"] == origin.fingerprint:
        logger.info("Using the prepared dialogues in %s: nothing has changed.", directory)
        return open_dialogues(directory)
    if header is None:
        check_is_free(directory, "holds no prepared dialogues")
    data = read_stories(sources.stories, sources.read_domain())
    if not data.steps:
        raise InputError(
            f"{', '.join(map(str, sources.stories))}: only rules here; TED learns from stories, "
            "so add some under 'stories:'"
        )
    table = StateTable(data.domain)
    trackers = training_trackers(
        data.steps, table, augmentation_factor=settings.augmentation_factor
    )
    label_ids = {action: number for number, action in enumerate(data.domain.actions)}
    dialogues = (turns_of(tracker, table, label_ids) for tracker in trackers)
    shards, states = only_used_states(list(_shards(dialogues, settings)), table)
    texts = story_texts(data, sources, text_features)
    featurizer = DialogueFeaturizer.fit(data.domain, states, texts)
    _report(data, trackers, shards, featurizer)
    with told_if_unwritable(directory, "dialogues"):
        write_dialogues(directory, featurizer, featurizer.tables(states), shards, origin)
    return open_dialogues(directory, verify=False)


def check_same_stories(directory: Path, prepared: str, now: Callable[[], str]) -> None:
    """`check_sources` of what was prepared from stories.

    Raises:
        InputError: it was prepared from others than those at hand.
    """
    check_sources(
        directory,
        prepared,
        now,
        sources="this project's stories",
        problem="another domain, other stories or with other settings. "
        "Prepare it again, or give what it was prepared from.",
    )


def origin_of(
    sources: DialogueSources, settings: DialogueSettings, text_features: FeatureSettings | None
) -> Origin:
    """What prepared dialogues come from: equal sources and settings have equal fingerprints.

    Raises:
        InputError: a file is missing, or the pipeline has wrong options.
    """
    described: dict[str, Any] = asdict(settings)
    if text_features is not None:
        described["pipeline"] = text_features.to_json()
    files = [sha256_of(path) for path in sources.files()]
    facts = json.dumps([FORMAT_VERSION, described, files], sort_keys=True)
    return Origin(hashlib.sha256(facts.encode()).hexdigest(), described)


def story_texts(
    data: StoryData, sources: DialogueSources, text_features: FeatureSettings | None
) -> StoryTexts | None:
    """What featurizes the texts of end-to-end stories; None where there are no such stories.

    Raises:
        InputError: there are, but no featurizer.
    """
    steps = (*data.steps, *data.rule_steps)  # the words of rules' actions are known, too
    if not is_end_to_end(data.domain, steps):
        return None
    if text_features is None:
        raise InputError(
            "The stories hold texts ('user:' without 'intent:', or 'bot:'); these need a "
            "'pipeline:' with featurizers in the configuration"
        )
    return StoryTexts.fit(text_features, data.domain, steps, sources.nlu)


def _report(
    data: StoryData,
    trackers: Sequence,
    shards: Sequence[DialogueShard],
    featurizer: DialogueFeaturizer,
) -> None:
    logger.info(
        "%d story steps, %d distinct dialogues (%d of them glued), %d examples, %d actions; "
        "attributes: %s. Rules (%d steps) were read and are not trained on.",
        len(data.steps),
        len(trackers),
        sum(tracker.is_augmented for tracker in trackers),
        sum(map(len, shards)),
        len(data.domain.actions),
        ", ".join(featurizer.attributes),
        len(data.rule_steps),
    )


def _shards(dialogues: Iterable[Turns], settings: DialogueSettings) -> Iterator[DialogueShard]:
    """The dialogues as arrays, a run of them per shard."""
    cutter = WindowCutter(settings.max_history)
    building = ShardBuilder()
    for turns in dialogues:
        windows = _whole(turns) if settings.full_dialogues else cutter.windows(turns)
        building.add(turns, windows)
        if len(building.states) >= SHARD_TURNS:
            yield building.shard()
            building = ShardBuilder()
    if building.lengths:
        yield building.shard()


def only_used_states(
    shards: Sequence[DialogueShard], table: StateTable
) -> tuple[list[DialogueShard], list[State]]:
    """The shards with states numbered anew, and these: gluing visits many that are not kept."""
    used = np.unique(np.concatenate([shard.turn_states for shard in shards]))
    renumbered = [
        replace(shard, turn_states=np.searchsorted(used, shard.turn_states).astype(np.int32))
        for shard in shards
    ]
    return renumbered, [table.states[number] for number in used]


def _whole(turns: Turns) -> Iterator[Window]:
    """The whole dialogue as one example, without a first turn that cannot be predicted."""
    first = int(turns.labels[:1] == (NO_LABEL,))
    if len(turns) > first:
        yield Window(first, len(turns) - 1)
