"""What an exported TED offers, and how that is checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

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
from data_pipeline.dialogue_graph.turns import Turn, request_of, turns_of_events
from data_pipeline.text_graph.strings.not_in_graph import NotInGraph
from trainer.export.action_signature import AnswerDialogues
from trainer.export.elsewhere import Question, Tensors
from trainer.export.served_model import (
    DEFAULT,
    FEATURES,
    ServedModel,
    Signature,
    features_signature,
)
from trainer.export.verify import Check
from trainer.ted.trained import TrainedTED

logger = logging.getLogger(__name__)

NEXT_ACTION = "next_action"
DIALOGUES = 64
MOST_EVENTS = 20


def served_ted(run: TrainedTED) -> tuple[ServedModel, list[Check]]:
    """Its signatures: `features`, and `next_action` (also by default) from turns of dialogues."""
    signatures = {FEATURES: features_signature(run.model)}
    try:
        answer = AnswerDialogues(run, DialogueFeatures(run.featurizer, run.max_history))
    except NotInGraph as reason:
        missing = (
            f"It takes no turns of dialogues: {reason}. "
            "Give it the tensors of the signature `features`.",
        )
        logger.warning("%s", missing[0])
        return ServedModel(run.model, signatures, missing=missing), []
    spec = {
        name: tf.TensorSpec(spec.shape, spec.dtype, name=name)
        for name, spec in REQUEST_SPEC.items()
    }
    signatures[NEXT_ACTION] = signatures[DEFAULT] = Signature(answer, spec)
    example = Question(DEFAULT, request_of([[Turn(LISTEN.label, intent="greet")]]))
    served = ServedModel(run.model, signatures, (answer,), (), example)
    return served, [_check(run)]


def _check(run: TrainedTED) -> Check:
    """Dialogues of any kind, and what the checkpoint says comes next."""
    domain = run.featurizer.domain
    # End to end, names are known by their words, also those that the domain lacks; but not here.
    odd = () if run.featurizer.texts else ("unheard of",)
    dialogues = [made_up(domain, odd, np.random.default_rng(seed)) for seed in range(DIALOGUES)]
    rankings = [run.next_action(events) for events in dialogues]
    request = request_of([turns_of_events(events, domain) for events in dialogues])
    return Check(
        "dialogues made up from the domain",
        DIALOGUES,
        Question(NEXT_ACTION, request),
        lambda outputs: _differences(rankings, outputs),
    )


def _differences(
    rankings: Sequence[list[dict[str, Any]]], outputs: Tensors
) -> Iterator[tuple[str, float]]:
    for number, ranking in enumerate(rankings):
        names = [name.decode() for name in outputs["action_names"][number]]
        sure = outputs["action_confidences"][number]
        found = dict(zip(names, sure.tolist(), strict=True))
        # Actions that are equally likely, but for that much, may have changed places.
        gaps = [abs(a["confidence"] - sure[place]) for place, a in enumerate(ranking)]
        gaps += [abs(a["confidence"] - found.get(a["name"], sure[-1])) for a in ranking]
        yield f"dialogue {number}", max(gaps) if len(names) == len(ranking) else np.inf


def made_up(domain: Domain, odd: Sequence[str], generator: np.random.Generator) -> list[Event]:
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
