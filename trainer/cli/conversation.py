"""Dialogues that a trained policy goes on with: told as stories, or typed as they happen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data_pipeline.dialogue.domain.events import (
    ACTION_LISTEN,
    LISTEN,
    ActionExecuted,
    Event,
    SlotSet,
    StoryEntity,
    UserUttered,
)
from data_pipeline.dialogue.stories.user_steps import command_entities
from data_pipeline.errors import InputError
from trainer.dialogues.told_dialogues import shown_state, told_dialogues
from trainer.messages.direct_intent import direct_intent
from trainer.roles import Policy, Role
from trainer.trained_run import TrainedRun

MOST_ACTIONS = 10
"""After one user step, as in Rasa (`MAX_NUMBER_OF_PREDICTIONS`)."""
SHOWN = 5
HELP = (
    'Type what happens: what the user says, also as /INTENT or /INTENT{"ENTITY": "VALUE"}; '
    "SLOT=VALUE for a slot that gets a value; - ACTION for what the bot does instead. An empty "
    "line or Ctrl-D ends."
)


def continue_stories(run: TrainedRun, paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Of each story what the bot does next, until it listens, and what else the models say.

    Returns:
        `story`: its name; `state`: what is known at its end. Of a policy `entities`: what is found
        in a text at its end, and `actions`: each with `name`, `confidence` and `ranking`. What
        other models say stands under their names.
    """
    goes_on = run.plays(Role.ACTS)
    for dialogue in told_dialogues(paths, run.domain):
        events = list(dialogue.events)
        if len(events) > 1 and events[-1] == LISTEN:
            events.pop()  # every story ends with it, said or not
        answer: dict[str, Any] = {"story": dialogue.name, "state": shown_state(events, run.domain)}
        remarks = run.remarks(events)
        if goes_on:
            answer["entities"], answer["actions"] = _until_listening(run.policy, events)
        yield {**answer, **remarks}


def _until_listening(policy: Policy, events: list[Event]) -> tuple[list[dict], list[dict]]:
    """The entities found in what was just said, and what the bot does; both go to the events."""
    domain = policy.domain
    actions: list[dict] = []
    entities = policy.entities(events)
    while len(actions) < MOST_ACTIONS:
        ranking = policy.next_actions([events])[0]
        user = events[-1]
        if entities and isinstance(user, UserUttered) and not user.entities:  # else told already
            # As in Rasa, known only once the first action is chosen.
            events[-1] = understood = replace(user, entities=_as_told(entities))
            events += domain.slot_events(understood.entities)
        actions.append({**ranking[0], "ranking": ranking})
        name = ranking[0]["name"]
        text = name if name in domain.action_texts else None
        events.append(ActionExecuted(None if text else name, text))
        if name == ACTION_LISTEN:
            break
    return entities, actions


def converse(run: TrainedRun, read: Callable[[], str], show: Callable[[str], None]) -> None:
    """A dialogue typed by the user, which the trained policy goes on with.

    What was trained on messages finds intent and entities of what is typed without `/`; else texts
    stay texts.

    Args:
        read: the next line, empty at the end.
    """
    policy, understand = run.policy, run if run.plays(Role.UNDERSTANDS) else None
    domain = policy.domain
    events: list[Event] = [LISTEN]
    while line := read():
        try:
            happened = _happened(line, policy, understand)
        except InputError as error:
            show(str(error))
            continue
        if isinstance(happened[0], ActionExecuted) and events[-1] == LISTEN:
            events.pop()  # it did not listen but act
        events += happened
        show(f"state: {json.dumps(shown_state(events, domain), ensure_ascii=False)}")
        if isinstance(happened[0], SlotSet):
            continue
        for model, remark in run.remarks(events).items():
            short = {key: value for key, value in remark.items() if key != "ranking"}
            show(f"{model}: {json.dumps(short, ensure_ascii=False)}")
        entities, actions = _until_listening(policy, events)
        for entity in entities:
            show(f"found: {entity['entity']}={entity['value']!r}")
        for action in actions:
            best = (f"{a['name']} {a['confidence']:.3f}" for a in action["ranking"][:SHOWN])
            show(f"bot:   {', '.join(best)}")


def _happened(line: str, policy: Policy, understand: TrainedRun | None) -> list[Event]:
    """The events that a typed line means.

    Raises:
        InputError: it means nothing.
    """
    domain = policy.domain
    if line.startswith("- "):
        name = line[2:].strip()
        if name not in domain.actions:
            raise InputError(f"There is no action {name!r}.")
        text = name if name in domain.action_texts else None
        return [ActionExecuted(None if text else name, text)]
    slot, equals, value = line.partition("=")
    if equals and slot.strip() in domain.slots:
        return [SlotSet(slot.strip(), _value(value.strip()))]
    user = _user_step(line, understand)
    if user.intent is None and not policy.knows_texts:
        raise InputError("This model knows intents only: type /INTENT.")
    return [user, *domain.slot_events(user.entities)]


def _user_step(line: str, understand: TrainedRun | None) -> UserUttered:
    command = direct_intent(line)
    if command is not None:
        return UserUttered(command["intent"]["name"], None, command_entities(line, "typed"))
    if understand is None:
        return UserUttered(None, line)
    answer = understand.answer(line)
    if "intent" not in answer:
        return UserUttered(None, line)
    return UserUttered(answer["intent"]["name"], line, _as_told(answer["entities"]))


def _as_told(entities: Sequence[dict[str, Any]]) -> tuple[StoryEntity, ...]:
    """Entities of an answer, as stories have them."""
    return tuple(
        StoryEntity(e["entity"], e["value"], e.get("role"), e.get("group"), e["start"], e["end"])
        for e in entities
    )


def _value(written: str) -> Any:
    try:
        value = json.loads(written)
    except json.JSONDecodeError:
        return written or None
    return tuple(value) if isinstance(value, list) else value
