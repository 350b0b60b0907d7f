"""Goldens of the policy for unexpected intents: losses, gradients, answers and thresholds.

As for TED, features and weights are made up, and all that is done with them is Rasa's.
"""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import tensorflow as tf
from golden.recording import SEED, dense_arrays, trainable_of, weights_of
from golden.replay import ReplayedNegatives
from golden.ted import ACTIONS, SMALL, WIDTHS, Dialogues, FilledTED, policy_of, raw_answers
from rasa.core.policies.unexpected_intent_policy import UnexpecTEDIntentPolicy
from rasa.shared.nlu.training_data.features import Features

INTENTS = ACTIONS
"""As many as TED's goldens have actions."""
SMALLER = {
    **SMALL,
    "dense_dimension": {**SMALL["dense_dimension"], "label_intent": 4},
    "number_of_negative_examples": 5,
    "transformer_size": {"text": 4, "dialogue": 4},
}
STATES = ["- ine ns ins nls", "- ins", "-", "- ine nsl", "- in ns ine nesl ins", "- in n", "-"]


class DialoguesBeforeIntents(Dialogues):
    """Made-up features of dialogues, and for each the numbers of the intents that may follow.

    Args:
        most: Rows are filled up with -1 to so many.
        by_words: Labels have sparse features, as end to end, instead of being one-hot.
    """

    def __init__(self, dialogues: list[str], most: int, by_words: bool):
        super().__init__(dialogues, full_dialogue=False)
        self._by_words = by_words
        counts = [1 + number % most for number in range(len(dialogues))]
        self.label_ids = np.full((len(dialogues), most), -1)
        for row, count in zip(self.label_ids, counts):  # noqa: B905
            row[:count] = self._rng.permutation(INTENTS)[:count]
        self.tags = None

    def labels(self) -> list[dict[str, list[Features]]]:
        if self._by_words:
            return [{"intent": self._attribute("intent")} for _ in range(INTENTS)]
        rows = np.eye(INTENTS, dtype=np.float32)[:, None]
        return [{"intent": [Features(row, "sentence", "intent", "one")]} for row in rows]


def unexpected(
    dialogues: list[str],
    *,
    most: int = 3,
    by_words: bool = False,
    decides: bool = False,
    **options,
) -> dict[str, Any]:
    given = DialoguesBeforeIntents(dialogues, most, by_words)
    made = FilledTED(given, {**SMALLER, **options}, UnexpecTEDIntentPolicy)
    weights, inputs = weights_of(made.model), made.arrays()
    losses, gradients, draws = _losses_and_gradients(made)
    answers = raw_answers(made)
    decisions = _decisions(answers["raw/similarities"], given) if decides else {}
    return {
        "inputs": inputs,
        "weights": weights,
        "draws": draws,
        "outputs": {**losses, **answers, **decisions},
        "gradients": gradients,
        "options": {
            "unexpected_intent": {**SMALLER, **options},
            "widths": WIDTHS,
            "intents": INTENTS,
        },
    }


def _losses_and_gradients(made: FilledTED):
    model = made.model
    trainable = trainable_of(model)
    model.reset_metrics()
    with ReplayedNegatives(SEED) as negatives:
        with tf.GradientTape() as tape:
            total = model.batch_loss(made.batch)
    gradients = tape.gradient(total, trainable)
    losses = {
        "intent_loss": model.action_loss.result().numpy(),
        "intent_accuracy": model.action_acc.result().numpy(),
        "l2": np.float32(sum(model.losses)),
    }
    losses["total_loss"] = total.numpy() + losses["l2"]
    (drawn,) = negatives.recorded
    return losses, dense_arrays(gradients), {"intent/labels": drawn}


def _decisions(similarities: np.ndarray, given: DialoguesBeforeIntents) -> dict[str, np.ndarray]:
    """The thresholds that these similarities give, and what is said of each intent by them."""
    grouped = UnexpecTEDIntentPolicy._collect_label_id_grouped_scores(
        {"similarities": similarities}, given.label_ids
    )
    quantiles = UnexpecTEDIntentPolicy._compute_label_quantiles(grouped)
    names = [f"intent_{number}" for number in range(INTENTS)]
    domain = SimpleNamespace(intents=names)
    answers = []
    for tolerance in (0.0, 0.3):
        options = {"tolerance": tolerance, "ignore_intents_list": ["intent_2"], "ranking_length": 4}
        policy = policy_of(UnexpecTEDIntentPolicy, options)
        policy.label_quantiles = quantiles
        policy.label_thresholds = policy._pick_thresholds(quantiles, tolerance)
        for row, similarity in enumerate(similarities[:4, 0]):
            for name in names:
                unlikely = policy._check_unlikely_intent(domain, similarity[None], name)
                said = policy._collect_action_metadata(domain, similarity[None], name)
                answers.append(
                    {
                        **options,
                        "row": row,
                        "intent": name,
                        "unlikely": bool(unlikely),
                        "metadata": dataclasses.asdict(said),
                    }
                )
    return {
        **{f"quantiles/{label}": np.array(values) for label, values in quantiles.items()},
        "answers": np.array(json.dumps(answers)),
    }


MAKERS = {
    "unexpected_intent_states": lambda: unexpected(STATES, decides=True),
    "unexpected_intent_single": lambda: unexpected(STATES, most=1, scale_loss=False, decides=True),
    "unexpected_intent_words": lambda: unexpected(
        STATES,
        by_words=True,
        use_key_relative_attention=True,
        use_value_relative_attention=True,
        max_relative_position=2,
        number_of_transformer_layers={"text": 2, "dialogue": 2},
        connection_density=1.0,
    ),
}
