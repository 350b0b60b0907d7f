"""Whether raw text is understood in the graph as in Python: its features, and the answers to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from data_pipeline.batches.assembly import assemble, padded_length
from data_pipeline.errors import InputError
from data_pipeline.messages.fitted_pipeline import FittedPipeline, store_messages
from data_pipeline.rasa_files.nlu_files import read_nlu
from data_pipeline.rasa_files.training_items import Message
from data_pipeline.text_graph.text_features import TextFeatures
from trainer.messages.direct_intent import direct_intent
from trainer.signatures.elsewhere import Question, Tensors
from trainer.signatures.served_model import DEFAULT, FEATURES
from trainer.signatures.verify import Check

TEXTS_AT_ONCE = 256
MOST_COMPARED = 20_000
MOST_ASKED = 256
WORDS_PER_TEXT = 6
ODD_TEXTS = ("", " ", "?!", "İ ΟΔΟΣ 12 #a", "😀 .あ^.あ", "http://a.b/c?d=e")


def texts_to_try(sources: Sequence[Path], pipeline: FittedPipeline) -> tuple[str, list[str]]:
    """Texts, and what they are: those trained on, if the files are still there, or known words."""
    known = [key for f in pipeline.featurizers for key in f.column_keys() if isinstance(key, str)]
    starts = range(0, min(len(known), MOST_ASKED * WORDS_PER_TEXT), WORDS_PER_TEXT)
    texts = [" ".join(known[start : start + WORDS_PER_TEXT]) for start in starts]
    kind = "texts of known words"
    if sources and all(path.exists() for path in sources):
        try:
            texts = [message.text for message in read_nlu(sources).messages]
            kind = "training texts"
        except InputError:  # they are no longer what they were
            pass
    return kind, [*_evenly(texts, MOST_COMPARED), *ODD_TEXTS]


def text_with_other_features(
    pipeline: FittedPipeline, features: TextFeatures, texts: Sequence[str]
) -> str | None:
    """The first of the texts that has other features in the graph than in Python."""
    in_graph = tf.function(
        lambda given: features(given).batch,
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        some = texts[start : start + TEXTS_AT_ONCE]
        found = {key: value.numpy() for key, value in in_graph(tf.constant(some)).items()}
        if not same_features(found, features_in_python(pipeline, some)):
            return next(
                (t for t in some if _differs(pipeline, in_graph, t)), f"{some[0]} and others"
            )
    return None


def _differs(pipeline: FittedPipeline, in_graph: Any, text: str) -> bool:
    found = {key: value.numpy() for key, value in in_graph(tf.constant([text])).items()}
    return not same_features(found, features_in_python(pipeline, [text]))


def features_in_python(pipeline: FittedPipeline, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """The batch tensors as training and answering make them."""
    store = store_messages(pipeline, [Message(text) for text in texts])
    return assemble(store, np.arange(len(texts)), padded_length(store.lengths))


def same_features(found: Tensors, expected: Tensors) -> bool:
    """Whether all of `found` is in `expected`, sparse features in any order within their row.

    Dense features of texts are sums of floats, so they may differ by 1e-6.
    """
    expected = _in_order(expected)
    for key, value in _in_order(found).items():
        wanted = expected[key]
        if (value.dtype, value.shape) != (wanted.dtype, wanted.shape):
            return False
        tolerance = 1e-6 if key == "text_sentence_dense" else 0
        if not np.allclose(value, wanted, rtol=0, atol=tolerance):
            return False
    return True


def _in_order(batch: Tensors) -> dict[str, np.ndarray]:
    ordered = dict(batch)
    for part in ("text_sequence", "text_sentence"):
        indices = batch[f"{part}_indices"]
        order = np.lexsort((indices[:, 1], indices[:, 0]))
        for key in (f"{part}_indices", f"{part}_values"):
            ordered[key] = batch[key][order]
    return ordered


def texts_to_ask(texts: Sequence[str]) -> list[str]:
    """Some of the texts, of those that are for the model to answer."""
    return [text for text in _evenly(texts, MOST_ASKED) if not direct_intent(text)]


def features_check(
    model: keras.Model, pipeline: FittedPipeline, kind: str, asked: Sequence[str]
) -> Check:
    """The question what the model says to features of texts."""
    made = features_in_python(pipeline, asked)
    batch = {key: made[key] for key in model.input_signature()}

    def differences(outputs: Tensors) -> Iterator[tuple[str, float]]:
        expected = model({key: tf.constant(value) for key, value in batch.items()})
        for name, tensor in expected.items():
            same_shape = outputs[name].shape == tensor.shape
            gap = np.abs(outputs[name] - tensor.numpy()).max(initial=0) if same_shape else np.inf
            yield name, float(gap)

    return Check(f"features of {kind}", len(asked), Question(FEATURES, batch), differences)


def text_check(
    kind: str,
    asked: Sequence[str],
    differences: Callable[[Sequence[str], Tensors], Iterator[tuple[str, float]]],
) -> Check:
    """The question what it says to the texts themselves."""
    question = Question(DEFAULT, {"text": np.array([text.encode() for text in asked], object)})
    return Check(kind, len(asked), question, lambda outputs: differences(asked, outputs))


def answer_difference(expected: dict[str, Any], found: dict[str, Any]) -> float:
    """By how much two answers' numbers differ; infinite if anything else does."""
    if any(_words(expected[key]) != _words(found[key]) for key in ("text_tokens", "entities")):
        return np.inf
    gaps = [
        abs(one[key] - other[key])
        for one, other in zip(expected["entities"], found["entities"], strict=True)
        for key in one
        if key.startswith("confidence")
    ]
    rankings = (answer["intent_ranking"] for answer in (expected, found))
    return max(gaps, default=0.0) + ranking_difference(*rankings)


def ranking_difference(
    expected: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]], name: str = "name"
) -> float:
    """By how much confidences differ; infinite if others are ranked.

    Labels that are equally likely, but for that much, may have changed places.
    """
    if len(expected) != len(found):
        return np.inf
    last = found[-1]["confidence"] if found else 0.0
    of_name = {label[name]: label["confidence"] for label in found}
    gaps = [
        abs(one["confidence"] - other["confidence"])
        for one, other in zip(expected, found, strict=True)
    ]
    gaps += [abs(label["confidence"] - of_name.get(label[name], last)) for label in expected]
    return max(gaps, default=0.0)


def _words(value: Any) -> Any:
    """Without confidences."""
    if isinstance(value, dict):
        return {key: v for key, v in value.items() if not key.startswith("confidence")}
    return [_words(item) for item in value] if isinstance(value, list) else value


def _evenly(texts: Sequence[str], most: int) -> list[str]:
    """At most so many of them, from all parts of the list."""
    return [*texts[:: max(1, -(-len(texts) // most))]]
