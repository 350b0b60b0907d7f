"""What one line of a story means: adds the events of YAML steps to a story under construction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data_pipeline.dialogue.domain.events import ActionExecuted, ActiveLoop, Event, SlotSet
from data_pipeline.dialogue.stories.named_events import named_events
from data_pipeline.dialogue.stories.story_reading import StoryReading
from data_pipeline.dialogue.stories.story_steps import Checkpoint, StoryBuilder
from data_pipeline.dialogue.stories.user_steps import read_user_step
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.yaml_values import (
    Mapping,
    Node,
    Scalar,
    expect_name,
    expect_sequence,
    frozen_value,
    is_null,
)
from data_pipeline.warnings_to_user import warn

FILLED = {"text": "filled", "list": ("filled",)}
"""What a slot that is only named gets (`YAMLStoryReader._slot_default_value`)."""

STEP_KEYS = ("intent", "user", "or", "action", "bot", "checkpoint", "slot_was_set", "active_loop")


class StoryParts:
    """Reads the parts of one story, in order.

    Mirrors `YAMLStoryReader._parse_step`.
    """

    def __init__(
        self, path: Path, story: str, reading: StoryReading, builder: StoryBuilder
    ) -> None:
        self._path = path
        self._story = story
        self._reading = reading
        self._names = reading.names
        self._builder = builder

    def add(self, node: Node) -> None:
        """One item under `steps:` or `condition:`.

        Raises:
            InputError: it is none of the known kinds.
        """
        items = node.items if isinstance(node, Mapping) else {}
        key = next((key for key in STEP_KEYS if key in items), None)
        if key is None:
            if "metadata" in items:
                return
            raise InputError(
                f"{self._where(node)}: expected a step such as '- intent: NAME' or "
                f"'- action: NAME' in {self._story!r}; received {node.shown()}"
            )
        value = items[key]
        if key in ("intent", "user"):
            self._add(self._user(items, node))
        elif key == "or":
            events = [*map(self._reading.shared, self._alternatives(value))]
            if events:
                self._builder.add_alternatives(events)
        elif key == "action":
            if _is_empty(value):
                warn(f"{self._where(node)}: an 'action' in {self._story!r} has no name; left out")
            else:
                self.add_action(self._name(value, "'action'"), self._where(value))
        elif key == "bot":
            self._add(ActionExecuted(None, self._name(value, "'bot'")))
        elif key == "checkpoint":
            self._add_checkpoint(value, items.get("slot_was_set"))
        elif key == "slot_was_set":
            for event in self._slots(value):
                self._add(event)
        else:
            self._add_loop(value)

    def add_action(self, name: str, where: str) -> None:
        """The bot does something, by name."""
        events = named_events(name, self._reading.domain, where, self._story)
        if events is None:
            self._names.add("action", name, where, self._story, needed=True)
            events = [ActionExecuted(name)]
        for event in events:
            self._add(event)

    def _add(self, event: Event) -> None:
        self._builder.add_event(self._reading.shared(event))

    def _where(self, node: Node) -> str:
        return f"{self._path}:{node.line}"

    def _name(self, node: Node, meaning: str) -> str:
        return expect_name(node, self._where(node), f"{meaning} in {self._story!r}")

    def _user(self, items: dict[str, Node], node: Node) -> Event:
        event = read_user_step(items, self._where(node), self._story)
        where = self._where(node)
        if event.intent:
            self._names.add("intent", event.intent, where, self._story)
        for entity in event.entities:
            self._names.add("entity", entity.entity, where, self._story)
        return event

    def _alternatives(self, node: Node) -> list[Event]:
        where = self._where(node)
        events: list[Event] = []
        for item in expect_sequence(node, where, f"'or' in {self._story!r}"):
            items = item.items if isinstance(item, Mapping) else {}
            if "intent" in items:
                events.append(self._user(items, item))
            elif "slot_was_set" in items:
                events += self._slots(items["slot_was_set"])
            else:
                raise InputError(
                    f"{self._where(item)}: 'or' in {self._story!r} takes '- intent:' and "
                    f"'- slot_was_set:'; received {item.shown()}"
                )
        if not events:
            warn(f"{where}: 'or' in {self._story!r} is empty; left out")
        return events

    def _slots(self, node: Node) -> list[Event]:
        meaning = f"'slot_was_set' in {self._story!r}"
        events: list[Event] = []
        for item in expect_sequence(node, self._where(node), meaning):
            if isinstance(item, Mapping):
                values = {name: frozen_value(value) for name, value in item.items.items()}
            else:
                name = expect_name(item, self._where(item), f"an item of {meaning}")
                values = {name: self._unsaid_value(name, self._where(item))}
            for name, value in values.items():
                self._names.add("slot", name, self._where(item), self._story, needed=True)
                events.append(SlotSet(name, value))
        return events

    def _unsaid_value(self, name: str, where: str) -> Any:
        """The value of a slot that is only named: `filled`, where any value looks alike."""
        slot = self._reading.domain.slots.get(name)
        value = FILLED.get(slot.type) if slot else None
        if slot is not None and value is None and slot.width:
            warn(
                f"{where}: the slot {name!r} in {self._story!r} is named without a value; its type "
                f"{slot.type!r} needs one, so it is taken for empty."
            )
        return value

    def _add_loop(self, node: Node) -> None:
        name = None if is_null(node) else self._name(node, "'active_loop'")
        if name is not None:
            self._names.add("form", name, self._where(node), self._story, needed=True)
        self._add(ActiveLoop(name))

    def _add_checkpoint(self, node: Node, slots: Node | None) -> None:
        name = self._name(node, "'checkpoint'")
        conditions: dict[str, Any] = {}
        items = [] if slots is None else expect_sequence(slots, self._where(slots), "conditions")
        for item in items:
            where = self._where(item)
            if not isinstance(item, Mapping):
                warn(
                    f"{where}: a condition of the checkpoint {name!r} in {self._story!r} must be a "
                    f"map; the checkpoint is left out; received {item.shown()}"
                )
                return
            for slot, value in item.items.items():
                self._names.add("slot", slot, where, self._story, needed=True)
                conditions[slot] = frozen_value(value)
        self._builder.add_checkpoint(Checkpoint(name, tuple(conditions.items())))


def _is_empty(node: Node) -> bool:
    return isinstance(node, Scalar) and not node.value.strip() or is_null(node)
