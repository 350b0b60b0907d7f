"""The signature that takes raw text: what a trained model answers to messages, as tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from data_pipeline.text_graph.entities.decoding import DecodeEntities
from data_pipeline.text_graph.padding import padded, with_a_row
from data_pipeline.text_graph.text_features import FeaturizedTexts, TextFeatures
from trainer.messages.label_ranking import RankLabels
from trainer.signatures.elsewhere import Tensors

TEXT_SPEC = tf.TensorSpec([None], tf.string, name="text")


class AnswerTexts(tf.Module):
    """Texts in; labels, entities and tokens out.

    Args:
        model: a DIET or a response selector; its weights are not kept here.
        features: of its pipeline.
        rankings: by the name of an output of the model, what ranks its labels.
        heads: those of its heads that tag words, if it finds entities.
        decode: what makes entities of tags, if it finds some.

    Call: `[texts]` string, UTF-8 -> tensors by name. Lists are padded to the longest; `…_counts`,
    `[texts]` int32, say how long each is.

    * what `RankLabels` gives;
    * what `DecodeEntities` gives;
    * `token_starts`, `token_ends` `[texts, tokens]` int32, in characters, and `token_counts`.
    """

    def __init__(
        self,
        model: keras.Model,
        features: TextFeatures,
        rankings: Mapping[str, RankLabels],
        *,
        heads: Sequence[str] = (),
        decode: DecodeEntities | None = None,
    ) -> None:
        super().__init__()
        self._features = features
        # In a function, by which tf.Module does not find weights that no answer needs.
        self._answer = lambda batch: model(batch)
        self._needed = tuple(model.input_signature())
        self._rankings = dict(rankings)
        self._heads = heads
        self._decode = decode

    def __call__(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        answers = self._answers(with_a_row(texts))
        return {name: table[: tf.size(texts)] for name, table in answers.items()}

    def _answers(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        featurized = self._features(texts)
        outputs = self._answer({key: featurized.batch[key] for key in self._needed})
        answers = self._tokens(featurized)
        has_words = answers["token_counts"] > 0
        for output, ranking in self._rankings.items():
            answers |= ranking(outputs[output], has_words)
        if self._decode is not None:
            tags, confidences = (
                {
                    head: self._of_tokens(outputs[f"{head}_{kind}"], featurized)
                    for head in self._heads
                }
                for kind in ("tags", "confidences")
            )
            answers |= self._decode(featurized.tokens, tags, confidences)
        return answers

    def _tokens(self, featurized: FeaturizedTexts) -> dict[str, tf.Tensor]:
        tokens = featurized.tokens
        starts, ends = (tf.cast(offsets, tf.int32) for offsets in tokens.offsets())
        flat = {"token_starts": starts, "token_ends": ends}
        counts, tables = padded(flat, tokens.spans.rows, tokens.texts.count)
        return {"token_counts": counts, **tables}

    @staticmethod
    def _of_tokens(table: tf.Tensor, featurized: FeaturizedTexts) -> tf.Tensor:
        """`[batch, time]` to `[tokens]`."""
        return tf.gather(tf.reshape(table, [-1]), featurized.places)


def ask_texts(signature: Callable[[Tensors], Tensors], texts: Sequence[str]) -> Tensors:
    """What an exported model's signature gives for texts."""
    return signature({"text": np.array([text.encode() for text in texts], object)})
