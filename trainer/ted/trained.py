"""A trained TED that answers: dialogues in, the next action out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.dialogue_store import DialogueStore
from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import Event, SlotSet, UserUttered
from data_pipeline.dialogue.predictions import Question, next_questions, questions_of
from data_pipeline.entities.decoding import decode_entities
from model.ted.ted import TED
from trainer.checkpoints.checkpoint import answering_checkpoint, read_position
from trainer.dialogues.answers import DialogueAnswers
from trainer.records.run_directory import RunDirectory, run_of
from trainer.ted.config import COMPONENT, TEDConfig
from trainer.ted.making import make_ted
from trainer.training.trained_weights import load_weights


@dataclass(frozen=True)
class TrainedTED:
    """What a run of TED came to: its newest checkpoint, or its best (`checkpoint_model`).

    Attributes:
        step: finished training steps of the checkpoint.
    """

    component: ClassVar[str] = COMPONENT

    config: TEDConfig
    featurizer: DialogueFeaturizer
    model: TED
    step: int

    @classmethod
    def load(cls, directory: Path) -> TrainedTED:
        """Load from a run directory of TED, or from one that has it in `ted/`.

        Raises:
            InputError: it is neither, or holds no usable checkpoint.
        """
        run = RunDirectory(run_of(TEDConfig.model, directory))
        config, featurizer = run.load(TEDConfig)
        checkpoint = answering_checkpoint(run.checkpoints, best=config.ted.checkpoint_model)
        model = make_ted(config, featurizer, "float32")
        load_weights(model, checkpoint, config.ted.learning_rate)
        return cls(config, featurizer, model, read_position(checkpoint).step)

    @property
    def fitted(self) -> DialogueFeaturizer:
        """What was learnt from the data before training."""
        return self.featurizer

    @property
    def domain(self) -> Domain:
        """What dialogues are told in."""
        return self.featurizer.domain

    @property
    def knows_texts(self) -> bool:
        """Whether what a user says can count by its text alone."""
        return "text" in self.featurizer.attributes

    @property
    def max_history(self) -> int | None:
        """How many states an answer looks back to; None = all."""
        return self.config.dialogue_settings.max_history

    def answer_all(self, dialogues: Sequence[Sequence[Event]]) -> tuple[list[Question], np.ndarray]:
        """Every action of the dialogues as a question, and `[questions, actions]` confidences."""
        questions, store = questions_of(self.featurizer, dialogues, self.max_history)
        by_text = None
        if self.knows_both:
            _, by_text = questions_of(self.featurizer, dialogues, self.max_history, by_text=True)
        return questions, self._confidences(store, by_text)

    def next_action(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        """The actions that may follow, best first: `name` and `confidence` each."""
        return self.next_actions([events])[0]

    def next_actions(self, dialogues: Sequence[Sequence[Event]]) -> list[list[dict[str, Any]]]:
        """The same for several dialogues, answered in batches."""
        store = next_questions(self.featurizer, dialogues, self.max_history)
        by_text = None
        if self.knows_both:
            by_text = next_questions(self.featurizer, dialogues, self.max_history, by_text=True)
        return [self._ranking(row) for row in self._confidences(store, by_text)]

    def entities(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        """What the model finds in what the user has just said, if that is a text alone.

        Beside an intent, entities come from where the intent came from. Mirrors
        `TEDPolicy._create_optional_event_for_entities`; entities as in a message's answer.
        """
        user = next(event for event in reversed(events) if not isinstance(event, SlotSet))
        if not (
            isinstance(user, UserUttered) and user.is_end_to_end and self.model.learns_entities
        ):
            return []
        texts, text = self.featurizer.texts, user.text
        assert texts is not None and text is not None, "a step is end-to-end by its text"
        pipeline = texts.pipelines["text"]
        tokens = pipeline.tokenizer.tokenize(text)
        store = next_questions(self.featurizer, [events], self.max_history)
        outputs = self._answers.of(store, np.array([0]))
        return decode_entities(
            text,
            tokens,
            {"entity": outputs["entity_tags"].numpy()[-1, : len(tokens)]},
            {"entity": outputs["entity_confidences"].numpy()[-1, : len(tokens)]},
            pipeline.tags,
            split_by_comma=self.config.ted.split_entities_by_comma,
            extractor=COMPONENT,
        )

    @property
    def knows_both(self) -> bool:
        """Whether a user step can count by its intent or by its text."""
        return {"intent", "text"} <= set(self.featurizer.attributes)

    def _confidences(self, store: DialogueStore, by_text: DialogueStore | None) -> np.ndarray:
        """Of each example the answer to the intent, or to the text if that is the better one.

        Mirrors `TEDPolicy._pick_confidence`.
        """
        confidences, similarities = self._scores(store)
        if by_text is None:
            return confidences
        of_text, similarities_of_text = self._scores(by_text)
        better = of_text.max(axis=1) > self.config.ted.e2e_confidence_threshold
        better &= similarities_of_text.max(axis=1) > similarities.max(axis=1)
        return np.where(better[:, None], of_text, confidences)

    @cached_property
    def _answers(self) -> DialogueAnswers:
        return DialogueAnswers(self.model)

    def _scores(self, store: DialogueStore) -> tuple[np.ndarray, np.ndarray]:
        """Confidences and similarities, `[examples, actions]` each."""
        confidences, similarities = self._answers(
            store, "action_confidences", "action_similarities"
        )
        return confidences, similarities

    def _ranking(self, confidences: np.ndarray) -> list[dict[str, Any]]:
        length = self.config.ted.ranking_length or len(confidences)
        order = np.argsort(-confidences, kind="stable")[:length]
        kept = confidences[order]
        if self.config.ted.renormalize_confidences and len(order) < len(confidences):
            kept = kept / kept.sum()
        return [
            {"name": self.featurizer.domain.actions[index], "confidence": float(confidence)}
            for index, confidence in zip(order, kept, strict=True)
        ]
