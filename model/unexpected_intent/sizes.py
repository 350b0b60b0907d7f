"""What the model of unexpected intents must know of the data before it can be built."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from model.layers.feature_widths import FeatureWidths
from model.ted.batch import attribute_spec
from model.unexpected_intent.batch import ROW_ATTRIBUTES


@dataclasses.dataclass(frozen=True, kw_only=True)
class UnexpectedIntentSizes:
    """Widths and counts of the data, and the features of all intents as labels.

    Attributes:
        attributes: Widths per attribute that occurs in the dialogues' turns.
        num_intents: How many intents there are.
        label: Widths of intents as labels. None = they are told apart by number only, as Rasa's
            one-hot vectors.
        label_features: With `label` its tensors (`model.ted.batch`), as arrays; the turns are the
            intents' numbers.

    Raises:
        ValueError: The sizes do not fit together.

    >>> widths = FeatureWidths(sentence=4)
    >>> attributes = {"intent": widths, "action_name": widths}
    >>> UnexpectedIntentSizes(attributes=attributes, num_intents=4).state_attributes
    ()
    """

    attributes: Mapping[str, FeatureWidths]
    num_intents: int
    label: FeatureWidths | None = None
    label_features: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.attributes) - set(ROW_ATTRIBUTES)):
            allowed = ", ".join(ROW_ATTRIBUTES)
            raise ValueError(f"`attributes` may hold {allowed}. Received: {unknown}")
        for needed in ("intent", "action_name"):
            if needed not in self.attributes:
                raise ValueError(f"The dialogues hold no {needed}, but only {[*self.attributes]}.")
        if self.num_intents < 1:
            raise ValueError(f"There are no intents. Received: num_intents={self.num_intents}")
        expected = set(attribute_spec("intent", self.label)) if self.label else set()
        if expected != set(self.label_features):
            raise ValueError(
                f"`label_features` must hold {sorted(expected)}. "
                f"Received: {sorted(self.label_features)}"
            )

    @property
    def state_attributes(self) -> tuple[str, ...]:
        """Those that are neither the user's nor the last action, in alphabetical order."""
        return tuple(a for a in ("active_loop", "entities", "slots") if a in self.attributes)

    def to_json(self) -> dict[str, Any]:
        """Plain lists, maps and numbers."""
        return {
            "attributes": {k: dataclasses.asdict(v) for k, v in self.attributes.items()},
            "num_intents": self.num_intents,
            "label": dataclasses.asdict(self.label) if self.label else None,
            "label_features": {k: np.asarray(v).tolist() for k, v in self.label_features.items()},
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> UnexpectedIntentSizes:
        """The inverse of `to_json`."""
        label = FeatureWidths(**plain["label"]) if plain["label"] else None
        specs = attribute_spec("intent", label) if label else {}
        return cls(
            attributes={k: FeatureWidths(**v) for k, v in plain["attributes"].items()},
            num_intents=plain["num_intents"],
            label=label,
            label_features={
                # An empty list of lists does not tell how many columns it has.
                key: np.array(plain["label_features"][key], spec.dtype.as_numpy_dtype).reshape(
                    [-1, *spec.shape[1:]]
                )
                for key, spec in specs.items()
            },
        )
