"""What follows a dialogue, in the form of Rasa's `POST /model/predict`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    SlotSet,
    UserUttered,
)
from trainer.serving.answering import Prediction


def prediction(
    predicted: Prediction, told: Any, events: Sequence[Event], domain: Domain
) -> dict[str, Any]:
    """Mirrors `MessageProcessor.predict_next_with_tracker`; the scores come best first.

    Two parts are not Rasa's. `slots_from_entities`: the events that `action_extract_slots` would
    add to what the user has just said, for clients without such an action. `action_metadata`: what
    Rasa would note with the event of the likeliest action.

    Args:
        told: the events as the client sent them.
        events: those that count.
    """
    return {
        "scores": [{"action": a["name"], "score": a["confidence"]} for a in predicted.ranking],
        "policy": predicted.policy,
        "confidence": predicted.confidence,
        "action_metadata": predicted.metadata,
        "tracker": _tracker(told if isinstance(told, list) else [told], events, domain),
        "slots_from_entities": _slots_from_entities(events, domain),
    }


def _tracker(told: list[dict[str, Any]], events: Sequence[Event], domain: Domain) -> dict[str, Any]:
    """What of `DialogueStateTracker.current_state` follows from the events alone."""
    slots = {slot.name: slot.initial_value for slot in domain.slots.values()}
    slots |= {e.slot: e.value for e in events if isinstance(e, SlotSet) and e.slot in slots}
    loops = [event.name for event in events if isinstance(event, ActiveLoop)]
    actions = [event for event in events if isinstance(event, ActionExecuted)]
    users = [event["parse_data"] for event in told if isinstance(event.get("parse_data"), dict)]
    last = actions[-1] if actions else None
    return {
        "sender_id": "default",
        "slots": slots,
        "latest_message": users[-1] if users else None,
        "latest_event_time": told[-1].get("timestamp") if told else None,
        "followup_action": None,
        "paused": False,
        "events": told,
        "latest_input_channel": None,
        "active_loop": {"name": loops[-1]} if loops and loops[-1] else {},
        "latest_action": {"action_name": last.name, "action_text": last.text} if last else {},
        "latest_action_name": last.name if last else None,
    }


def _slots_from_entities(events: Sequence[Event], domain: Domain) -> list[dict[str, Any]]:
    last = events[-1] if events else None
    if not isinstance(last, UserUttered):
        return []
    return [
        {"event": "slot", "name": filled.slot, "value": filled.value}
        for filled in domain.slot_events(last.entities)
    ]
