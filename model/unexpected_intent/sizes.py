"""What the model of unexpected intents must know of the data before it can be built."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from model.layers.feature_widths import FeatureWidths
from model.ted.labels import Labels
from model.ted.sizes import check_attributes, states_among
from model.unexpected_intent.batch import ROW_ATTRIBUTES


@dataclasses.dataclass(frozen=True, kw_only=True)
class UnexpectedIntentSizes:
    """Widths and counts of the data, and the features of all intents as labels.

    Attributes:
        attributes: Widths per attribute that occurs in the dialogues' turns.
        labels: The intents.

    Raises:
        ValueError: The sizes do not fit together.

    >>> widths = FeatureWidths(sentence=4)
    >>> attributes = {"intent": widths, "action_name": widths}
    >>> sizes = UnexpectedIntentSizes(attributes=attributes, labels=Labels("intent", 4))
    >>> sizes.state_attributes
    ()
    """

    attributes: Mapping[str, FeatureWidths]
    labels: Labels

    def __post_init__(self) -> None:
        check_attributes("attributes", self.attributes, ROW_ATTRIBUTES)
        check_attributes("labels", self.labels.widths, ("intent",))
        for needed in ("intent", "action_name"):
            if needed not in self.attributes:
                raise ValueError(f"The dialogues hold no {needed}, but only {[*self.attributes]}.")

    @property
    def state_attributes(self) -> tuple[str, ...]:
        """Those that are neither the user's nor the last action, in alphabetical order."""
        return states_among(self.attributes)

    def to_json(self) -> dict[str, Any]:
        """Plain lists, maps and numbers."""
        return {
            "attributes": {k: dataclasses.asdict(v) for k, v in self.attributes.items()},
            "labels": self.labels.to_json(),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> UnexpectedIntentSizes:
        """The inverse of `to_json`."""
        return cls(
            attributes={k: FeatureWidths(**v) for k, v in plain["attributes"].items()},
            labels=Labels.from_json(plain["labels"]),
        )
