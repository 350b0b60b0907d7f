"""Events that stories name as they name actions, `- action: export`, but that are none."""

from __future__ import annotations

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import Event, SlotSet
from data_pipeline.errors import InputError

WITHOUT_EFFECT = frozenset("export followup pause resume reminder cancel_reminder".split())
"""They change nothing of what the model sees."""

NOT_TAKEN = frozenset(
    "user bot slot restart rewind undo agent active_loop form loop_interrupted form_validation "
    "action_execution_rejected session_started entities user_featurization event".split()
)
"""They take back what was, or have a place of their own in stories."""


def named_events(name: str, domain: Domain, source: str, story: str) -> list[Event] | None:
    """What comes of the event of this name; None if it is the name of an action.

    Mirrors `Event.from_story_string`.

    Args:
        source: `file:line`.

    Raises:
        InputError: an event such as `restart`, after which nothing could be learnt as before it.
    """
    if name in WITHOUT_EFFECT:
        return []
    if name == "reset_slots":
        return [SlotSet(slot.name, slot.initial_value) for slot in domain.slots.values()]
    if name in NOT_TAKEN:
        raise InputError(
            f"{source}: {name!r} is the name of an event, not of an action, and has no place "
            f"in {story!r}; name the action, for example 'action_restart'"
        )
    return None
