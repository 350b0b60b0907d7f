"""Dialogues as stories tell them, for a trained policy to be tested on or to continue."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    StoryEntity,
    UserUttered,
)
from data_pipeline.dialogue.state_features import attribute_values
from data_pipeline.dialogue.stories.story_files import read_unchecked_stories
from data_pipeline.dialogue.trackers.states import StateTable
from data_pipeline.dialogue.trackers.tracker import Tracker, collapsed, replayed
from data_pipeline.dialogue.trackers.tracker_generator import training_trackers
from data_pipeline.errors import InputError

logger = logging.getLogger(__name__)


def told_dialogues(paths: Sequence[Path], domain: Domain) -> list[Tracker]:
    """The distinct dialogues in these files, as Rasa reads test stories.

    Names that the domain lacks are told in the log: such actions are never predicted, and other
    such things have no features.

    Raises:
        InputError: no stories there, or a file is not shaped like stories.
    """
    data = read_unchecked_stories(paths, domain)
    for line in data.names.unknown(domain):
        logger.warning("The model does not know what the stories name: %s", line)
    trackers = training_trackers(data.steps, StateTable(data.domain), augmentation_factor=0)
    if not trackers:
        raise InputError(f"{', '.join(map(str, paths))}: no stories, only rules.")
    return trackers


def with_marks(
    marks: Mapping[int, Mapping[int, str]], dialogues: Sequence[Tracker]
) -> Iterator[str]:
    """The lines of the dialogues in which something is to be seen.

    Args:
        marks: per number of a dialogue and position of an event in it, what stands there instead.
    """
    for number, marked in marks.items():
        yield f"{dialogues[number].name}"
        for position, event in enumerate(dialogues[number].events):
            if position in marked:
                yield f"  > {marked[position]}"
            else:
                yield f"    {event_line(event)}"
        yield ""


def event_line(event: Event) -> str:
    """An event for people to read."""
    if isinstance(event, UserUttered):
        said = f" ({event.text})" if event.intent and event.text else ""
        return f"user: {event.intent or event.text}{_entities(event.entities)}{said}"
    if isinstance(event, ActionExecuted):
        return f"bot:  {event.label}"
    if isinstance(event, ActiveLoop):
        return f"form: {event.name}"
    return f"slot: {event.slot} = {event.value!r}"


def _entities(entities: Sequence[StoryEntity]) -> str:
    named = ", ".join(f"{entity.entity}: {entity.value!r}" for entity in entities)
    return f" {{{named}}}" if named else ""


def shown_state(events: Sequence[Event], domain: Domain) -> dict[str, Any]:
    """What the model knows after these events: attribute -> value."""
    table = StateTable(domain)
    return attribute_values(table.states[replayed(collapsed(events), table).current()])
