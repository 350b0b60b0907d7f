"""Which of Rasa's tracker featurizers a policy names: examples per action, or whole dialogues."""

from __future__ import annotations

from typing import Any

MAX_HISTORY = "MaxHistoryTrackerFeaturizer"
FULL_DIALOGUE = "FullDialogueTrackerFeaturizer"
STATE = "SingleStateFeaturizer"

_ALLOWED = (
    f"a list of one map with `name` ({MAX_HISTORY} or {FULL_DIALOGUE}) and, if wanted, "
    f"`state_featurizer` ([{{name: {STATE}}}]); `max_history` is an option of the policy itself"
)


def tracker_featurizer(value: Any) -> str | None:
    """The check of the option `featurizer`; what Rasa takes beyond that is refused."""
    allowed_names = (MAX_HISTORY, FULL_DIALOGUE)
    if not _one_map(value) or value[0].get("name") not in allowed_names:
        return _ALLOWED
    rest = {key: found for key, found in value[0].items() if key != "name"}
    states = rest.pop("state_featurizer", [{"name": STATE}])
    fits = not rest and _one_map(states) and states[0] == {"name": STATE}
    return None if fits else _ALLOWED


def _one_map(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict)


def full_dialogue(value: list | None) -> bool:
    """Whether the (checked) option asks for whole dialogues."""
    return value is not None and value[0]["name"] == FULL_DIALOGUE
