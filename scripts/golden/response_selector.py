"""Goldens of the response selector: a training step, and answers.

As for DIET: widths are cut down, and Rasa trains the weights for some steps first.

Two things Rasa 3.6.21 cannot do are mended first, since ours can:

* `use_text_as_label` without a transformer, its default, fails: `_extract_features` leaves the
  tokens' features of all labels out, and the model wants them. They are left in.
* `DIET2DIET.batch_predict` answers from the encoder's output at the last token, which no loss has
  ever seen, rather than from that of the whole text. It is given the right place.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any
from unittest import mock

import numpy as np
import tensorflow as tf
from golden.diet import (
    CHARACTERS,
    LEXICAL,
    SMALL,
    WORDS,
    TrainedDIET,
    raw_predictions,
    recorded_step,
)
from golden.messages import featurized
from golden.recording import sparse, weights_of
from rasa.nlu.selectors.response_selector import ResponseSelector
from rasa.shared.nlu.constants import TEXT
from rasa.utils.tensorflow.data_generator import RasaBatchDataGenerator

NLU = """
version: "3.1"
nlu:
- intent: faq/ask-hours
  examples: |
    - when are you open
    - are you open now
    - opening hours please
- intent: faq/ask-name
  examples: |
    - who are you
    - your name please
- intent: faq/ask-price
  examples: |
    - how much is it
    - is it 5 or 10 euros
    - price please
- intent: chat/joke
  examples: |
    - a joke please
    - are you funny
- intent: chat/weather
  examples: |
    - is it sunny
    - how is the weather now
- intent: greet
  examples: |
    - hi
    - hi there
responses:
  utter_faq/ask-hours:
  - text: we are open from 9 to 17
  utter_faq/ask-name:
  - text: my name is bot
  - text: i am your bot, who are you
  utter_faq/ask-price:
  - text: it is 5 euros
  utter_chat/joke:
  - text: a funny bot, is it not
  utter_chat/weather:
  - text: it is sunny
    image: sun.png
"""
UNSEEN = ["hi, when is the bot open", "how much is the joke", "is the weather funny", "xyz 123"]

SMALLER = {
    **SMALL,
    "transformer_size": 4,
    "hidden_layers_sizes": {"text": [8, 7], "label": [6, 5]},
    "number_of_negative_examples": 6,
}
NO_HIDDEN = {"text": [], "label": []}
VECTORS = {
    "name": "MadeUpVectors",
    "vectors": {
        word: np.random.default_rng(number).normal(size=3).round(3).tolist()
        for number, word in enumerate("open you are is name price joke it weather bot 5".split())
    },
}


class TrainedSelector(TrainedDIET):
    """A response selector that Rasa trained a little, and its batch of all its messages."""

    def __init__(self, pipeline: list[dict], options: dict[str, Any], steps: int):
        bench, training_data, self.messages = featurized(pipeline, NLU, UNSEEN)
        training_data._fill_response_phrases()
        self.component = bench.make(ResponseSelector, **{**SMALLER, **options})
        with mock.patch.object(ResponseSelector, "_extract_features", _all_features):
            data = self.component.preprocess_train_data(training_data)
        self.model = self.component._instantiate_model_class(data)
        self.component.model = self.model
        self.batch = RasaBatchDataGenerator(data, batch_size=100, shuffle=False)[0][0]
        self._compile(0.005)
        generator = RasaBatchDataGenerator(data, batch_size=100, shuffle=False)
        self.model.fit(generator, epochs=steps, verbose=False)
        self._compile(0.001)

    def label_arrays(self) -> dict[str, np.ndarray]:
        arrays = {}
        for part, tensors in self.model.tf_label_data["label"].items():
            for tensor in tensors:
                if isinstance(tensor, tf.SparseTensor):
                    arrays.update(sparse(f"all_labels/{part}", tensor))
                else:
                    arrays[f"all_labels/{part}"] = tf.convert_to_tensor(tensor).numpy()
        return arrays

    def losses(self) -> dict[str, np.ndarray]:
        model = self.model
        metrics = {
            "mask_loss": model.mask_loss,
            "mask_accuracy": model.mask_acc,
            "response_loss": model.response_loss,
            "response_accuracy": model.response_acc,
            "total_loss": model.total_loss,
        }
        return {name: m.result().numpy() for name, m in metrics.items() if float(m.count) > 0}


def _all_features(component: ResponseSelector, message: Any, attribute: str) -> dict[str, Any]:
    """What `_extract_features` gives for a model that recognises entities, too: all features."""
    given = component.component_config
    component.component_config = {**given, "entity_recognition": True}
    try:
        return _EXTRACT(component, message, attribute)
    finally:
        component.component_config = given


_EXTRACT = ResponseSelector._extract_features


class WholeTexts:
    """Within the context, a selector by response texts answers from whole texts."""

    def __init__(self, model: Any):
        self._model = model
        self._by_text = type(model).__name__ == "DIET2DIET"

    def __enter__(self) -> None:
        if self._by_text:
            self._model.prepare_for_predict()
            self._model.prepared_for_prediction = True
            last_token = self._model._last_token
            self._model._last_token = lambda rows, lengths: last_token(rows, lengths + 1)

    def __exit__(self, *_) -> None:
        if self._by_text:
            del self._model._last_token


def selector(
    pipeline: list[dict], steps: int = 40, *, stepped: bool = False, **options
) -> dict[str, Any]:
    """What Rasa computes; of the step after the gradients only if that is wanted (`stepped`)."""
    made = TrainedSelector(pipeline, options, steps)
    weights = weights_of(made.model)
    answers = _answers(made)
    step, draws = recorded_step(made)
    if not stepped:
        step.pop("applied_gradients")
        step.pop("weights_after")
    named = {name.replace("intent/", "response/"): drawn for name, drawn in draws.items()}
    return {
        "inputs": {**made.batch_arrays(), **made.label_arrays()},
        "weights": weights,
        "draws": named,
        "outputs": {**answers, **step["losses"]},
        "gradients": step["prediction_gradients"],
        "applied": step.get("applied_gradients", {}),
        "after": step.get("weights_after", {}),
        "options": {
            "response_selector": {**SMALLER, **options},
            "pipeline": pipeline,
            "nlu": NLU,
            "steps_before": steps,
            "labels": [name for _, name in sorted(made.component.index_label_id_mapping.items())],
        },
    }


def _answers(made: TrainedSelector) -> dict[str, np.ndarray]:
    """Raw predictions for the training batch, and Rasa's answers to all messages one by one."""
    model = made.model
    model._training = False
    model.all_labels_embed = None
    with ExitStack() as stack:
        model.prepare_for_predict()
        stack.enter_context(WholeTexts(model))
        with mock.patch.object(type(model), "prepare_for_predict", lambda _: None):
            raw = raw_predictions(made)
            model.prepared_for_prediction = True
            answers = [
                {"text": message.get(TEXT), "response_selector": message.get("response_selector")}
                for message in made.component.process(made.messages[::3] + made.messages[-3:])
            ]
    model._training = None
    return {**raw, "answers": np.array(json.dumps(answers))}


TRANSFORMER = {
    "number_of_transformer_layers": 1,
    "hidden_layers_sizes": NO_HIDDEN,
    "use_masked_language_model": True,
    "use_key_relative_attention": True,
    "use_value_relative_attention": True,
    "max_relative_position": 3,
    "connection_density": 0.5,
}
SHARED = {
    "use_text_as_label": True,
    "share_hidden_layers": True,
    "hidden_layers_sizes": {"text": [7], "label": [7]},
    "dense_dimension": {"text": 6, "label": 6},
    "constrain_similarities": True,
}

MAKERS = {
    "response_selector_keys": lambda: selector([LEXICAL, WORDS], stepped=True),
    "response_selector_texts": lambda: selector([LEXICAL, WORDS], use_text_as_label=True),
    "response_selector_dense": lambda: selector([WORDS, VECTORS], use_text_as_label=True),
    "response_selector_keys_transformer": lambda: selector([WORDS], **TRANSFORMER),
    "response_selector_texts_transformer": lambda: selector(
        [WORDS], **TRANSFORMER, use_text_as_label=True, stepped=True
    ),
    "response_selector_shared": lambda: selector([{**WORDS, "use_shared_vocab": True}], **SHARED),
    # No words, so that keys are one-hot.
    "response_selector_margin": lambda: selector([CHARACTERS], steps=20, loss_type="margin"),
    "response_selector_one_intent": lambda: selector(
        [WORDS], retrieval_intent="faq", ranking_length=2, renormalize_confidences=True
    ),
}
