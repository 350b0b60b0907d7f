"""The signature that takes dialogues: what `TrainedTED.next_action` says, as tensors."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from data_pipeline.dialogue_graph.dialogue_features import DialogueFeatures
from data_pipeline.text_graph.padding import with_a_row
from trainer.ted.trained import TrainedTED


class AnswerDialogues(tf.Module):
    """Turns of dialogues in, what the bot may do next out.

    Args:
        run: a trained TED; its weights are not kept here.
        features: of its featurizer.

    Call: the tensors of `REQUEST_SPEC` -> `action_names` `[dialogues, actions]` string and
    `action_confidences` `[dialogues, actions]` float32, the most likely first, as many as
    `ranking_length`; and `by_text` `[dialogues]` bool: whether it goes by the text of what the user
    said last, whatever the intent.
    """

    def __init__(self, run: TrainedTED, features: DialogueFeatures) -> None:
        super().__init__()
        self._features = features
        # In a function, by which tf.Module does not find weights that no answer needs.
        self._answer = lambda batch: run.model(batch)
        self._needed = tuple(run.model.input_signature())
        self._knows_both = run.knows_both
        self._knows_texts_alone = not run.knows_both and "text" in run.featurizer.attributes
        self._threshold = run.config.ted.e2e_confidence_threshold
        actions = run.featurizer.domain.actions
        self._actions = tf.constant(actions, tf.string)
        self._ranking_length = min(run.config.ted.ranking_length or len(actions), len(actions))
        self._renormalizes = run.config.ted.renormalize_confidences

    def __call__(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        answers = self._answers({name: with_a_row(table) for name, table in request.items()})
        count = tf.size(request["turn_counts"])
        return {name: table[:count] for name, table in answers.items()}

    def _answers(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        confidences, similarities = self._scores(request, by_text=False)
        by_text = tf.fill(tf.shape(request["turn_counts"]), self._knows_texts_alone)
        if self._knows_both:
            of_text, similarities_of_text = self._scores(request, by_text=True)
            by_text = _highest(of_text) > self._threshold
            by_text &= _highest(similarities_of_text) > _highest(similarities)
            confidences = tf.where(by_text[:, None], of_text, confidences)
        kept, places = tf.math.top_k(confidences, self._ranking_length)
        if self._renormalizes and self._ranking_length < self._actions.shape[0]:
            kept /= tf.reduce_sum(kept, 1, keepdims=True)
        names = tf.gather(self._actions, places)
        return {"action_names": names, "action_confidences": kept, "by_text": by_text}

    def _scores(
        self, request: Mapping[str, tf.Tensor], *, by_text: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        batch = self._features(request, by_text=by_text)
        outputs = self._answer({key: batch[key] for key in self._needed})
        return outputs["action_confidences"], outputs["action_similarities"]


def _highest(scores: tf.Tensor) -> tf.Tensor:
    return tf.reduce_max(scores, 1)
