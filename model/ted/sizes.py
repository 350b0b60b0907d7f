"""What TED must know of the data before it can be built."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from model.layers.feature_widths import FeatureWidths
from model.ted.batch import ACTION_ATTRIBUTES, ATTRIBUTES, TEXT_ATTRIBUTES
from model.ted.labels import Labels


@dataclasses.dataclass(frozen=True, kw_only=True)
class TEDSizes:
    """Widths and counts of the data, and the features of all actions.

    Attributes:
        attributes: Widths per attribute that occurs in the dialogues' turns.
        labels: The actions, by `action_name`, `action_text` or both.
        num_tags: Tags of the entities in end-to-end texts; 0 = none are learnt.

    Raises:
        ValueError: The sizes do not fit together.

    >>> widths = FeatureWidths(sentence=4)
    >>> attributes = {"intent": widths, "action_name": widths}
    >>> TEDSizes(attributes=attributes, labels=Labels("action_name", 4)).state_attributes
    ()
    """

    attributes: Mapping[str, FeatureWidths]
    labels: Labels
    num_tags: int = 0

    def __post_init__(self) -> None:
        check_attributes("attributes", self.attributes, ATTRIBUTES)
        check_attributes("labels", self.labels.widths, ACTION_ATTRIBUTES)
        if not any(user in self.attributes for user in ("intent", "text")):
            raise ValueError("TED: the dialogues hold neither intents nor texts of users.")
        if not any(action in self.attributes for action in ACTION_ATTRIBUTES):
            raise ValueError("TED: the dialogues hold no actions.")

    @property
    def state_attributes(self) -> tuple[str, ...]:
        """Those that are neither the user's nor the last action, in alphabetical order."""
        return states_among(self.attributes)

    def to_json(self) -> dict[str, Any]:
        """Plain lists, maps and numbers."""
        return {
            "attributes": {k: dataclasses.asdict(v) for k, v in self.attributes.items()},
            "labels": self.labels.to_json(),
            "num_tags": self.num_tags,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> TEDSizes:
        """The inverse of `to_json`."""
        return cls(
            attributes={k: FeatureWidths(**v) for k, v in plain["attributes"].items()},
            labels=Labels.from_json(plain["labels"]),
            num_tags=plain["num_tags"],
        )


def states_among(attributes: Iterable[str]) -> tuple[str, ...]:
    """Those that are neither the user's nor the last action, in alphabetical order."""
    return tuple(name for name in ("active_loop", "entities", "slots") if name in attributes)


def check_attributes(what: str, found: Mapping[str, FeatureWidths], allowed: tuple) -> None:
    """Refuse attributes that are not among those allowed, and texts without tokens (`ValueError`).

    Args:
        what: Says what they are.
    """
    if unknown := sorted(set(found) - set(allowed)):
        raise ValueError(f"`{what}` may hold {', '.join(allowed)}. Received: {unknown}")
    for name, widths in found.items():
        tokens = widths.sequence + widths.sequence_dense
        if bool(tokens) != (name in TEXT_ATTRIBUTES):
            needs = "needs" if name in TEXT_ATTRIBUTES else "has no"
            raise ValueError(f"`{name}` {needs} features of tokens. Received: {widths}")
