"""From states to tables of features: what was learnt from the training stories, and their domain.

Preparing, evaluating and answering all go through it, so they cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from data_pipeline.atomic_files import write_file
from data_pipeline.dialogue.dialogue_arrays import DialogueTables, occurring
from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.domain_json import domain_from_json, domain_to_json
from data_pipeline.dialogue.state_features import (
    ABSENT,
    ATTRIBUTES,
    TEXT_ATTRIBUTES,
    StateEncoder,
    domain_rows,
)
from data_pipeline.dialogue.story_texts import StoryTexts
from data_pipeline.dialogue.trackers.states import State

FEATURIZER_FILE = "dialogue.json"
PIPELINES_FOLDER = "pipelines"


@dataclass(frozen=True)
class DialogueFeaturizer:
    """The fitted states-to-features side of a model.

    Attributes:
        domain: gives features and labels their columns.
        attributes: those that occur in training; others are not looked at.
        texts: featurizes texts and, by their words, names; None if all training stories go by
            intents and actions, which then are one-hot.
    """

    domain: Domain
    attributes: tuple[str, ...]
    texts: StoryTexts | None = None

    @classmethod
    def fit(
        cls, domain: Domain, states: Sequence[State], texts: StoryTexts | None
    ) -> DialogueFeaturizer:
        """The featurizer of the training states."""
        found = occurring(StateEncoder().encode(states))
        known = [name for name in ATTRIBUTES if texts or name not in TEXT_ATTRIBUTES]
        return cls(domain, tuple(name for name in known if name in found), texts)

    def save(self, directory: Path) -> None:
        """Write `dialogue.json` and, of end-to-end stories, `pipelines/`."""
        plain = {"domain": domain_to_json(self.domain), "attributes": self.attributes}
        text = json.dumps(plain, ensure_ascii=False)
        write_file(directory / FEATURIZER_FILE, text)
        if self.texts:
            (directory / PIPELINES_FOLDER).mkdir(exist_ok=True)
            self.texts.save(directory / PIPELINES_FOLDER)

    @classmethod
    def load(cls, directory: Path) -> DialogueFeaturizer:
        """Read what `save` wrote."""
        plain = json.loads((directory / FEATURIZER_FILE).read_text(encoding="utf-8"))
        pipelines = directory / PIPELINES_FOLDER
        return cls(
            domain_from_json(plain["domain"]),
            tuple(plain["attributes"]),
            StoryTexts.load(pipelines) if pipelines.is_dir() else None,
        )

    @property
    def tagged(self) -> bool:
        """Whether user texts have entity tags."""
        return bool(self.texts and "text" in self.attributes and self.texts.entity_tags)

    def label_ids(self) -> dict[str, int]:
        """Action name or bot text -> its label."""
        return {action: number for number, action in enumerate(self.domain.actions)}

    def tables(self, states: Sequence[State]) -> DialogueTables:
        """The features of these states and of all labels."""
        encoder = StateEncoder(self.domain.action_texts)
        values = encoder.encode(states)
        for position, attribute in enumerate(ATTRIBUTES):
            if attribute not in self.attributes:
                values[:, position] = ABSENT
        return DialogueTables(
            state_values=values,
            rows={
                attribute: self.rows(attribute, encoder.values(attribute))
                for attribute in self.attributes
                if attribute not in TEXT_ATTRIBUTES
            },
            texts={
                attribute: self.texts.store(attribute, encoder.values(attribute))
                for attribute in self.attributes
                if self.texts and attribute in TEXT_ATTRIBUTES
            },
            label_rows=self.label_rows(),
            label_texts=self._label_texts(),
            tagged=self.tagged,
        )

    def row_width(self, attribute: str) -> int:
        """The columns of an attribute that is no text."""
        return self.rows(attribute, []).shape[1]

    def label_rows(self) -> csr_matrix:
        """`[labels, width]` float32: what each action looks like by name; zeros for texts."""
        if self.texts is None:
            return self.rows("action_name", self.domain.actions)
        rows = self.rows("action_name", self.domain.action_names)
        rows.resize(len(self.domain.actions), rows.shape[1])
        return rows

    def rows(self, attribute: str, values: Sequence) -> csr_matrix:
        """`[values, width]` float32: what values of an attribute that is no text look like."""
        if self.texts and attribute in self.texts.names:
            return self.texts.name_rows(attribute, values)
        return domain_rows(attribute, values, self.domain)

    def _label_texts(self) -> np.ndarray:
        labels = np.full(len(self.domain.actions), ABSENT, np.int32)
        if self.texts and "action_text" in self.attributes:
            labels[len(self.domain.action_names) :] = np.arange(len(self.domain.action_texts))
        return labels
