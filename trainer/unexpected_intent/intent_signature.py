"""The signature that takes dialogues: what `TrainedUnexpectedIntent.remarks` says, as tensors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from data_pipeline.dialogue.domain.events import ACTION_LISTEN
from data_pipeline.dialogue_graph.dialogue_features import DialogueFeatures
from data_pipeline.text_graph.padding import with_a_row
from data_pipeline.text_graph.strings.trie import UNKNOWN, StringNumbers
from trainer.unexpected_intent.trained import TrainedUnexpectedIntent


class JudgeIntents(tf.Module):
    """Turns of dialogues in, whether the user was to be expected to say what was said last out.

    The last turn of each is the one after the user spoke: `action_listen` with the intent.

    Args:
        run: a trained model; its weights are not kept here.
        features: of its featurizer.

    Call: the tensors of `REQUEST_SPEC` ->

    * `unlikely` `[dialogues]` bool, also False for an intent that the domain lacks;
    * `scores`, `thresholds` `[dialogues]` float32 of what was said; NaN where there is none;
    * `intent_names` `[dialogues, ranked]` string, `intent_scores` and `intent_thresholds` float32:
      the most similar intents, as many as `ranking_length`.
    """

    def __init__(self, run: TrainedUnexpectedIntent, features: DialogueFeatures) -> None:
        super().__init__()
        options, intents = run.config.options, run.intents
        thresholds = [run.threshold(intent) for intent in intents]
        self._features = features
        # In a function, by which tf.Module does not find weights that no answer needs.
        self._answer = lambda batch: run.model(batch)
        self._needed = tuple(run.model.input_signature())
        self._numbers = StringNumbers({intent: n for n, intent in enumerate(intents)})
        # Behind the last one stands an intent that the domain lacks.
        self._names = tf.constant([*intents, ""], tf.string)
        self._thresholds = tf.constant([np.nan if t is None else t for t in thresholds] + [np.nan])
        self._checked = tf.constant(
            [*(intent not in options.ignore_intents_list for intent in intents), False]
        )
        self._intents = len(intents)
        self._length = min(options.ranking_length or len(intents), len(intents))

    def __call__(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        answers = self._judged({name: with_a_row(table) for name, table in request.items()})
        count = tf.size(request["turn_counts"])
        return {name: table[:count] for name, table in answers.items()}

    def _judged(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        counts = request["turn_counts"]
        listens = tf.equal(_last(request["previous_actions"], counts), ACTION_LISTEN)
        # The turn after the user spoke would tell what was said.
        before = {**request, "turn_counts": counts - tf.cast(listens, tf.int32)}
        batch = self._features(before, by_text=False)
        outputs = self._answer({key: batch[key] for key in self._needed})
        similarities = outputs["intent_similarities"]
        said = self._numbers.of_strings(_last(request["intents"], counts))
        said = tf.where(listens & tf.not_equal(said, UNKNOWN), said, self._intents)
        with_unknown = tf.pad(similarities, [[0, 0], [0, 1]], constant_values=np.nan)
        scores = tf.gather(with_unknown, said, batch_dims=1)
        thresholds = tf.gather(self._thresholds, said)
        # Of equally similar intents the last one is the most similar, but the first in the ranking.
        top = self._intents - 1 - tf.argmax(tf.reverse(similarities, [1]), 1)
        kept, places = tf.math.top_k(similarities, self._length)
        return {
            "unlikely": tf.gather(self._checked, said)
            & (scores < thresholds)
            & tf.not_equal(said, top),
            "scores": scores,
            "thresholds": thresholds,
            "intent_names": tf.gather(self._names, places),
            "intent_scores": kept,
            "intent_thresholds": tf.gather(self._thresholds, places),
        }


def _last(table: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """Of `[dialogues, turns]` strings those of each dialogue's last turn; "" without turns."""
    from_one = tf.pad(table, [[0, 0], [1, 0]], constant_values="")
    return tf.gather(from_one, counts, batch_dims=1)
