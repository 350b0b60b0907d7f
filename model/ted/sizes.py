"""What TED must know of the data before it can be built."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from model.layers.feature_widths import FeatureWidths
from model.ted.batch import ACTION_ATTRIBUTES, ATTRIBUTES, TEXT_ATTRIBUTES, attribute_spec


@dataclasses.dataclass(frozen=True, kw_only=True)
class TEDSizes:
    """Widths and counts of the data, and the features of all actions.

    Attributes:
        attributes: Widths per attribute that occurs in the dialogues' turns.
        num_labels: How many actions there are.
        labels: Widths per attribute of actions as labels: `action_name`, `action_text` or both.
            Empty = they are told apart by number only, as Rasa's one-hot vectors.
        label_features: For each of `labels` the tensors of `model.ted.batch`, as arrays; the turns
            are the actions' numbers.
        num_tags: Tags of the entities in end-to-end texts; 0 = none are learnt.

    Raises:
        ValueError: The sizes do not fit together.

    >>> widths = FeatureWidths(sentence=4)
    >>> sizes = TEDSizes(attributes={"intent": widths, "action_name": widths}, num_labels=4)
    >>> sizes.state_attributes
    ()
    """

    attributes: Mapping[str, FeatureWidths]
    num_labels: int
    labels: Mapping[str, FeatureWidths] = dataclasses.field(default_factory=dict)
    label_features: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    num_tags: int = 0

    def __post_init__(self) -> None:
        _check_attributes("attributes", self.attributes, ATTRIBUTES)
        _check_attributes("labels", self.labels, ACTION_ATTRIBUTES)
        if self.num_labels < 1:
            raise ValueError(f"TED: there are no actions. Received: num_labels={self.num_labels}")
        if not any(user in self.attributes for user in ("intent", "text")):
            raise ValueError("TED: the dialogues hold neither intents nor texts of users.")
        if not any(action in self.attributes for action in ACTION_ATTRIBUTES):
            raise ValueError("TED: the dialogues hold no actions.")
        expected = {key for name, widths in self.labels.items() for key in _keys(name, widths)}
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
            "num_labels": self.num_labels,
            "labels": {k: dataclasses.asdict(v) for k, v in self.labels.items()},
            "label_features": {k: np.asarray(v).tolist() for k, v in self.label_features.items()},
            "num_tags": self.num_tags,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> TEDSizes:
        """The inverse of `to_json`."""
        labels = {k: FeatureWidths(**v) for k, v in plain["labels"].items()}
        specs = {k: s for a, widths in labels.items() for k, s in attribute_spec(a, widths).items()}
        return cls(
            attributes={k: FeatureWidths(**v) for k, v in plain["attributes"].items()},
            num_labels=plain["num_labels"],
            labels=labels,
            label_features={
                # An empty list of lists does not tell how many columns it has.
                key: np.array(values, specs[key].dtype.as_numpy_dtype).reshape(
                    [-1, *specs[key].shape[1:]]
                    if specs[key].shape[1:].is_fully_defined()
                    else np.shape(values)
                )
                for key, values in plain["label_features"].items()
            },
            num_tags=plain["num_tags"],
        )


def _check_attributes(what: str, found: Mapping[str, FeatureWidths], allowed: tuple) -> None:
    if unknown := sorted(set(found) - set(allowed)):
        raise ValueError(f"`{what}` may hold {', '.join(allowed)}. Received: {unknown}")
    for name, widths in found.items():
        tokens = widths.sequence + widths.sequence_dense
        if bool(tokens) != (name in TEXT_ATTRIBUTES):
            needs = "needs" if name in TEXT_ATTRIBUTES else "has no"
            raise ValueError(f"`{name}` {needs} features of tokens. Received: {widths}")


def _keys(attribute: str, widths: FeatureWidths) -> set[str]:
    return set(attribute_spec(attribute, widths))
