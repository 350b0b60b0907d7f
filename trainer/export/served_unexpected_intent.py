"""What an exported model of unexpected intents offers, and how that is checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data_pipeline.dialogue.domain.events import ACTION_LISTEN, LISTEN
from data_pipeline.dialogue_graph.dialogue_features import REQUEST_SPEC, DialogueFeatures
from data_pipeline.dialogue_graph.turns import Turn, request_of, turns_of_events
from data_pipeline.text_graph.padding import with_a_row
from data_pipeline.text_graph.strings.not_in_graph import NotInGraph
from data_pipeline.text_graph.strings.trie import UNKNOWN, StringNumbers
from trainer.export.elsewhere import Question, Tensors
from trainer.export.served_model import (
    DEFAULT,
    FEATURES,
    ServedModel,
    Signature,
    features_signature,
)
from trainer.export.served_ted import DIALOGUES, made_up
from trainer.export.verify import Check
from trainer.unexpected_intent.trained import TrainedUnexpectedIntent

logger = logging.getLogger(__name__)

UNEXPECTED = "unexpected_intent"


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


def served_unexpected_intent(run: TrainedUnexpectedIntent) -> tuple[ServedModel, list[Check]]:
    """Its signatures: `features`, and `unexpected_intent` (also by default) from turns."""
    signatures = {FEATURES: features_signature(run.model)}
    try:
        features = DialogueFeatures(run.featurizer, run.config.options.max_history)
    except NotInGraph as reason:
        missing = f"It takes no turns of dialogues: {reason}. Give it the tensors of `features`."
        logger.warning("%s", missing)
        return ServedModel(run.model, signatures, missing=(missing,)), []
    judge = JudgeIntents(run, features)
    spec = {
        name: tf.TensorSpec(spec.shape, spec.dtype, name=name)
        for name, spec in REQUEST_SPEC.items()
    }
    signatures[UNEXPECTED] = signatures[DEFAULT] = Signature(judge, spec)
    asked = [Turn(), Turn(LISTEN.label, intent=run.intents[0])]
    example = Question(DEFAULT, request_of([asked]))
    return ServedModel(run.model, signatures, (judge,), (), example), [_check(run)]


def _check(run: TrainedUnexpectedIntent) -> Check:
    """Dialogues of any kind in which the user spoke last, and what the checkpoint says of them."""
    domain = run.featurizer.domain
    odd = () if run.featurizer.texts else ("unheard of",)
    dialogues = [made_up(domain, odd, np.random.default_rng(seed)) for seed in range(DIALOGUES)]
    remarks = [(events, run.remark(events)) for events in dialogues]
    asked = [(events, remark) for events, remark in remarks if remark is not None]
    request = request_of([turns_of_events(events, domain) for events, _ in asked])
    expected = [remark for _, remark in asked]
    return Check(
        "dialogues made up from the domain",
        len(asked),
        Question(UNEXPECTED, request),
        lambda outputs: _differences(expected, outputs),
    )


def _differences(
    remarks: Sequence[dict[str, Any]], outputs: Tensors
) -> Iterator[tuple[str, float]]:
    for number, remark in enumerate(remarks):
        of_this = {name: table[number] for name, table in outputs.items()}
        asked, ranking = remark["query_intent"], remark["ranking"]
        pairs = [(asked["score"], of_this["scores"])]
        pairs += zip((i["score"] for i in ranking), of_this["intent_scores"], strict=True)
        gaps = [abs(score - float(found)) / max(1.0, abs(score)) for score, found in pairs]
        if bool(of_this["unlikely"]) != remark["unlikely"]:
            gaps.append(abs(remark["query_intent"]["severity"]))  # 0 where it hardly matters
        yield f"dialogue {number}", max(gaps)
