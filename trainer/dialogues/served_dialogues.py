"""What an exported model of dialogues offers, and how that is checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import (
    LISTEN,
    ActionExecuted,
    ActiveLoop,
    Event,
    SlotSet,
    StoryEntity,
    UserUttered,
)
from data_pipeline.dialogue_graph.dialogue_features import REQUEST_SPEC, DialogueFeatures
from data_pipeline.dialogue_graph.turns import Turn, request_of
from data_pipeline.text_graph.strings.not_in_graph import NotInGraph
from trainer.signatures.elsewhere import Question
from trainer.signatures.served_model import (
    DEFAULT,
    FEATURES,
    ServedModel,
    Signature,
    features_signature,
)
from trainer.signatures.verify import Check

logger = logging.getLogger(__name__)

DIALOGUES = 64
MOST_EVENTS = 20


@dataclass(frozen=True)
class AskedDialogues:
    """A model that is asked turns of dialogues.

    Attributes:
        max_history: how many states it looks back to; None = all.
        signature: what the way to ask it is called.
        in_graph: given its features in the graph, what answers there.
        example: a dialogue to warm up with.
        check: given dialogues, the question that is compared with what the checkpoint says.
    """

    model: keras.Model
    featurizer: DialogueFeaturizer
    max_history: int | None
    signature: str
    in_graph: Callable[[DialogueFeatures], tf.Module]
    example: Sequence[Turn]
    check: Callable[[Sequence[list[Event]]], Check]


def served_dialogues(asked: AskedDialogues) -> ServedModel:
    """Its signatures: `features`, and its own (also by default) from turns of dialogues."""
    signatures = {FEATURES: features_signature(asked.model)}
    try:
        features = DialogueFeatures(asked.featurizer, asked.max_history)
        answer = asked.in_graph(features)
    except NotInGraph as reason:
        missing = (
            f"It takes no turns of dialogues: {reason}. "
            "Give it the tensors of the signature `features`."
        )
        logger.warning("%s", missing)
        return ServedModel(asked.model, signatures, missing=(missing,))
    spec = {
        name: tf.TensorSpec(spec.shape, spec.dtype, name=name)
        for name, spec in REQUEST_SPEC.items()
    }
    signatures[asked.signature] = signatures[DEFAULT] = Signature(answer, spec)
    example = Question(DEFAULT, request_of([asked.example]))
    check = asked.check(_made_up_dialogues(asked.featurizer))
    return ServedModel(asked.model, signatures, (answer,), (), example, (check,))


def _made_up_dialogues(featurizer: DialogueFeaturizer) -> list[list[Event]]:
    # End to end, names are known by their words, also those that the domain lacks; but not here.
    odd = () if featurizer.texts else ("unheard of",)
    generators = map(np.random.default_rng, range(DIALOGUES))
    return [_made_up(featurizer.domain, odd, generator) for generator in generators]


def _made_up(domain: Domain, odd: Sequence[str], generator: np.random.Generator) -> list[Event]:
    """A dialogue of whatever the domain has, in any order, and of `odd` names."""

    def one_of(*names: Sequence[Any]) -> Any:
        choices = [name for some in names for name in some]
        return choices[int(generator.integers(len(choices)))]

    values = (None, True, 0.25, "Rome", "unheard of", ("a",))
    entities = [StoryEntity(entity.name, "Rome") for entity in domain.entity_types]
    entities += [StoryEntity(name, "Rome") for name in odd]
    events: list[Event] = [LISTEN]
    for _ in range(int(generator.integers(1, MOST_EVENTS))):
        steps: list[list[Event]] = [
            [LISTEN, UserUttered(one_of(domain.intents, odd), None, tuple(entities[:1]))],
            [LISTEN, UserUttered(one_of(domain.intents, odd), None, tuple(entities[1:]))],
            [ActionExecuted(one_of(domain.action_names, odd))],
            [SlotSet(one_of([*domain.slots], ["unheard of"]), one_of(values))],
            [ActiveLoop(one_of(domain.forms, odd, [None]))],
        ]
        if domain.action_texts:
            text = one_of(domain.action_texts)
            steps.append([ActionExecuted(None, text), LISTEN, UserUttered(None, text)])
        events += one_of(steps)
    return events
