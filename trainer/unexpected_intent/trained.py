"""A trained model of unexpected intents that answers: was that to be expected of the user."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import Event
from data_pipeline.dialogue.intents.intent_questions import (
    UserStep,
    questions_about_last,
    said_last,
    user_steps_of,
)
from data_pipeline.dialogue.intents.intent_store import IntentStore
from model.unexpected_intent.unexpected_intent import UnexpectedIntent
from trainer.checkpoints.checkpoint import answering_checkpoint, read_position
from trainer.dialogues.answers import DialogueAnswers
from trainer.records.run_directory import RunDirectory, run_of
from trainer.training.trained_weights import load_weights
from trainer.unexpected_intent.config import COMPONENT, UnexpectedIntentConfig
from trainer.unexpected_intent.making import make_unexpected_intent
from trainer.unexpected_intent.thresholds import Thresholds, candidate

logger = logging.getLogger(__name__)

SIMILARITIES = "intent_similarities"


@dataclass(frozen=True)
class LearntOfIntents:
    """What was learnt of the data beside the weights. Implements `Fitted`.

    Attributes:
        thresholds: None until training has come to its end.
    """

    featurizer: DialogueFeaturizer
    thresholds: Thresholds | None

    def save(self, directory: Path) -> None:
        """Write what the featurizer does, and `thresholds.json`."""
        self.featurizer.save(directory)
        if self.thresholds is not None:
            self.thresholds.save(directory)

    @classmethod
    def load(cls, directory: Path) -> LearntOfIntents:
        """Read what `save` wrote."""
        return cls(DialogueFeaturizer.load(directory), Thresholds.load(directory))


@dataclass(frozen=True)
class TrainedUnexpectedIntent:
    """What a run came to: its newest checkpoint, or its best (`checkpoint_model`).

    Attributes:
        step: finished training steps of the checkpoint.
        thresholds: of this checkpoint; without them no intent is unexpected.
    """

    component: ClassVar[str] = COMPONENT

    config: UnexpectedIntentConfig
    featurizer: DialogueFeaturizer
    model: UnexpectedIntent
    step: int
    thresholds: Thresholds | None = None

    @classmethod
    def load(cls, directory: Path) -> TrainedUnexpectedIntent:
        """Load from a run directory of the model, or from one that has it in `unexpected_intent/`.

        Raises:
            InputError: it is neither, or holds no usable checkpoint.
        """
        found = cls.as_far_as_trained(directory)
        if found.thresholds is None:
            logger.warning(
                "%s has no thresholds for its newest checkpoint, since training has not come to "
                "its end: no intent is unexpected. The same training command goes on.",
                directory,
            )
        return found

    @classmethod
    def as_far_as_trained(cls, directory: Path) -> TrainedUnexpectedIntent:
        """`load` of a run that may lack thresholds."""
        run = RunDirectory(run_of(UnexpectedIntentConfig.model, directory))
        config, featurizer = run.load(UnexpectedIntentConfig)
        options = config.unexpected_intent
        checkpoint = answering_checkpoint(run.checkpoints, best=options.checkpoint_model)
        model = make_unexpected_intent(config, featurizer, "float32")
        load_weights(model, checkpoint, options.learning_rate)
        step = read_position(checkpoint).step
        thresholds = Thresholds.load(run.path)
        if thresholds is not None and thresholds.step != step:  # of an earlier end of training
            thresholds = None
        return cls(config, featurizer, model, step, thresholds)

    @property
    def fitted(self) -> LearntOfIntents:
        """What was learnt from the data beside the weights."""
        return LearntOfIntents(self.featurizer, self.thresholds)

    @property
    def domain(self) -> Domain:
        """What dialogues are told in."""
        return self.featurizer.domain

    @property
    def intents(self) -> Sequence[str]:
        """Of the domain, in the order of the model's answers."""
        return self.featurizer.domain.intents

    @cached_property
    def _answers(self) -> DialogueAnswers:
        return DialogueAnswers(self.model)

    def thresholds_of(self, examples: IntentStore) -> Thresholds:
        """What this model's thresholds are, if these are its training examples."""
        (similarities,) = self._answers(examples.dialogues, SIMILARITIES)
        return Thresholds.learn(similarities, examples.intent_ids, self.intents, self.step)

    def remarks(self, dialogues: Sequence[Sequence[Event]]) -> list[dict[str, Any] | None]:
        """Of each dialogue the `verdict` of what the user has just said; None if that is no
        question here: the bot has acted since, or the domain lacks the intent.
        """
        intents = [said_last(events, self.featurizer) for events in dialogues]
        asked = [events for events, intent in zip(dialogues, intents, strict=True) if intent]
        if not asked:
            return [None] * len(dialogues)
        history = self.config.options.max_history
        questions = questions_about_last(self.featurizer, asked, history)
        (similarities,) = self._answers(questions, SIMILARITIES)
        rows = iter(similarities)
        return [self.verdict(next(rows), intent) if intent else None for intent in intents]

    def answer_all(
        self, dialogues: Sequence[Sequence[Event]]
    ) -> tuple[list[UserStep], list[dict[str, Any]]]:
        """Every step of the user with an intent of the domain, and a `verdict` for each."""
        history = self.config.options.max_history
        steps, store = user_steps_of(self.featurizer, dialogues, history)
        if not steps:
            return [], []
        (similarities,) = self._answers(store, SIMILARITIES)
        said = zip(similarities, steps, strict=True)
        return steps, [self.verdict(of_step, step.intent) for of_step, step in said]

    def verdict(self, similarities: np.ndarray, intent: str) -> dict[str, Any]:
        """What Rasa's policy says of an intent, given what the model says (`[intents]`).

        Returns:
            `unlikely`: whether the policy would predict `action_unlikely_intent`; and what it adds
            to a prediction: `query_intent` and `ranking`, the most similar intents first. Each has
            `name`, `score`, `threshold`, and `severity`, by which the score misses the threshold.
        """
        order = np.argsort(-similarities, kind="stable")
        length = self.config.options.ranking_length or len(order)
        return {
            "unlikely": self._is_unlikely(similarities, intent),
            "query_intent": self._candidate(similarities, self.intents.index(intent)),
            "ranking": [self._candidate(similarities, label) for label in order[:length]],
        }

    def _is_unlikely(self, similarities: np.ndarray, intent: str) -> bool:
        """Mirrors `UnexpecTEDIntentPolicy._check_unlikely_intent`."""
        threshold = self.threshold(intent)
        if threshold is None or intent in self.config.options.ignore_intents_list:
            return False
        label = self.intents.index(intent)
        most_similar = np.argsort(similarities, kind="stable")[-1]
        return bool(similarities[label] < threshold and label != most_similar)

    def _candidate(self, similarities: np.ndarray, label: int) -> dict[str, Any]:
        name = self.intents[label]
        return candidate(name, float(similarities[label]), self.threshold(name))

    def threshold(self, intent: str) -> float | None:
        """The similarity below which an intent is unexpected; None = it never is."""
        if self.thresholds is None:
            return None
        return self.thresholds.of(intent, self.config.options.tolerance)
