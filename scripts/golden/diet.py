"""Goldens of the whole DIET: a training step, and answers.

Widths are cut down, the rest are the options named. The weights are not random: Rasa trains them
for some steps first, so that tags and intents are mostly right and `scale_loss` has a say.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from golden.messages import NLU, featurized
from golden.recording import SEED, arrays_of, dense_arrays, sparse, trainable_of, weights_of
from golden.replay import ReplayedMask, ReplayedNegatives
from rasa.nlu.classifiers.diet_classifier import DIETClassifier
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.utils.tensorflow.data_generator import RasaBatchDataGenerator

SMALL = {
    "transformer_size": 8,
    "number_of_attention_heads": 2,
    "dense_dimension": {"text": 6, "label": 5},
    "concat_dimension": {"text": 6, "label": 5},
    "embedding_dimension": 6,
    "drop_rate": 0.0,
    "random_seed": 1,
    "epochs": 1,
}
WORDS = {"name": "CountVectorsFeaturizer"}
CHARACTERS = {
    "name": "CountVectorsFeaturizer",
    "analyzer": "char_wb",
    "min_ngram": 1,
    "max_ngram": 2,
}
LEXICAL = {"name": "LexicalSyntacticFeaturizer"}


class TrainedDIET:
    """A DIET that Rasa trained a little, and its batch of all messages."""

    def __init__(self, pipeline: list[dict], options: dict[str, Any], steps: int):
        bench, training_data, self.messages = featurized(pipeline)
        self.component = bench.make(DIETClassifier, **SMALL, **options)
        data = self.component.preprocess_train_data(training_data)
        self.model = self.component._instantiate_model_class(data)
        self.component.model = self.model
        self.batch = RasaBatchDataGenerator(data, batch_size=100, shuffle=False)[0][0]
        self._compile(0.02)
        generator = RasaBatchDataGenerator(data, batch_size=100, shuffle=False)
        self.model.fit(generator, epochs=steps, verbose=False)
        self._compile(0.001)  # a new optimizer, without moments

    def _compile(self, learning_rate: float) -> None:
        # Tracing the graph would take minutes.
        self.model.compile(optimizer=keras.optimizers.Adam(learning_rate), run_eagerly=True)

    def batch_arrays(self) -> dict[str, np.ndarray]:
        data = self.model.batch_to_model_data_format(self.batch, self.model.data_signature)
        arrays = {}
        for key, parts in data.items():
            for part, tensors in parts.items():
                for tensor in tensors:
                    name = f"{key}/{part}"
                    if isinstance(tensor, tf.SparseTensor):
                        arrays.update(sparse(name, tensor))
                    elif part != "mask":
                        arrays[name] = tensor.numpy()
        return arrays

    def label_arrays(self) -> dict[str, np.ndarray]:
        """The features of all labels."""
        parts = self.model.tf_label_data["label"]
        if parts["sequence"]:
            return sparse("all_labels", parts["sequence"][0])
        return {"all_labels": parts["sentence"][0].numpy()}

    def losses(self) -> dict[str, np.ndarray]:
        """The metrics of the last step; all were reset before it."""
        model = self.model
        metrics = {
            "mask_loss": model.mask_loss,
            "mask_accuracy": model.mask_acc,
            "intent_loss": model.intent_loss,
            "intent_accuracy": model.intent_acc,
            "entity_loss": model.entity_loss,
            "role_loss": model.entity_role_loss,
            "group_loss": model.entity_group_loss,
            "total_loss": model.total_loss,
        }
        return {name: m.result().numpy() for name, m in metrics.items() if float(m.count) > 0}


def diet(pipeline: list[dict], steps: int = 24, **options) -> dict[str, Any]:
    made = TrainedDIET(pipeline, options, steps)
    model = made.model
    weights = weights_of(model)
    answers = answers_of(made)
    step, draws = recorded_step(made)
    return {
        "inputs": {**made.batch_arrays(), **made.label_arrays()},
        "weights": weights,
        "draws": draws,
        "outputs": {**answers, **step["losses"]},
        "gradients": step["prediction_gradients"],
        "applied": step["applied_gradients"],
        "after": step["weights_after"],
        "options": {
            "diet": {**SMALL, **options},
            "pipeline": pipeline,
            "nlu": NLU,
            "steps_before": steps,
            "labels": [name for _, name in sorted(made.component.index_label_id_mapping.items())],
            "tags": {
                spec.tag_name: [tag for _, tag in sorted(spec.ids_to_tags.items())]
                for spec in made.component._entity_tag_specs
            },
        },
    }


def recorded_step(made: TrainedDIET) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """One step of `RasaModel.train_step`; and the same gradient before the L2 rule."""
    model = made.model
    trainable = trainable_of(model)
    names = {id(variable): name for name, variable in trainable.items()}
    with ExitStack() as stack:
        mask = stack.enter_context(ReplayedMask(SEED, eager=True))
        negatives = stack.enter_context(ReplayedNegatives(SEED))
        model._training = True
        with tf.GradientTape() as tape:
            loss = model.batch_loss(made.batch)
        l2 = np.float32(sum(model.losses))
        prediction = tape.gradient(loss, trainable)
        mask.restart()
        negatives.restart()
        model.reset_metrics()
        applied = {}
        apply_gradients = model.optimizer.apply_gradients

        def apply(pairs):
            pairs = list(pairs)
            applied.update({names[id(variable)]: gradient for gradient, variable in pairs})
            return apply_gradients(pairs)

        model.optimizer.apply_gradients = apply
        model.train_step(made.batch)
    # A loss draws inputs, then labels; the masked language model's comes before the intents'.
    losses = ["mask", "intent"][-len(negatives.recorded) // 2 :]
    drawn = [f"{loss}/{what}" for loss in losses for what in ("inputs", "labels")]
    draws = {f"input_mask/{name}": value for name, value in mask.recorded.items()}
    step = {
        "losses": {**made.losses(), "l2": l2},
        "prediction_gradients": dense_arrays(prediction),
        "applied_gradients": dense_arrays(applied),
        "weights_after": arrays_of(trainable),
    }
    return step, draws | dict(zip(drawn, negatives.recorded, strict=True))


def answers_of(made: TrainedDIET) -> dict[str, np.ndarray]:
    """Raw predictions for the training batch, and Rasa's answers to all messages one by one."""
    model = made.model
    model.prepared_for_prediction = False
    raw = raw_predictions(made)
    answers = []
    for message in made.component.process(made.messages):
        answers.append(
            {
                "text": message.get(TEXT),
                "tokens": [[t.text, t.start, t.end] for t in message.get("text_tokens")],
                "intent": message.get(INTENT),
                "intent_ranking": message.get("intent_ranking"),
                "entities": message.get(ENTITIES),
            }
        )
    model._training = None
    return {**raw, "answers": np.array(json.dumps(answers))}


def raw_predictions(made: TrainedDIET) -> dict[str, np.ndarray]:
    model = made.model
    model._training = False
    model.prepare_for_predict()
    model.predict_data_signature = model.data_signature
    outputs = model.batch_predict(made.batch)
    model.predict_data_signature = {k: v for k, v in model.data_signature.items() if TEXT in k}
    outputs.pop("diagnostic_data")
    return {f"raw/{name}": value.numpy() for name, value in outputs.items()}


# As in the project's `config.yml` for the SNIPS data, but for widths, dropout and epochs.
SNIPS = {
    "BILOU_flag": True,
    "use_masked_language_model": True,
    "number_of_transformer_layers": 2,
    "hidden_layers_sizes": {"text": [], "label": []},
    "scale_loss": False,
    "use_sparse_input_dropout": True,
    "connection_density": 1.0,
}
# What the defaults do not reach.
FULL = {
    "BILOU_flag": False,
    "use_masked_language_model": True,
    "number_of_transformer_layers": 1,
    "hidden_layers_sizes": {"text": [7], "label": [6]},
    "use_key_relative_attention": True,
    "use_value_relative_attention": True,
    "max_relative_position": 3,
    "constrain_similarities": True,
    "scale_loss": True,
}
MARGIN = {
    "loss_type": "margin",
    "number_of_transformer_layers": 1,
    "unidirectional_encoder": True,
    "use_masked_language_model": True,
}

MAKERS = {
    "diet_default": lambda: diet([LEXICAL, WORDS, CHARACTERS], steps=16),
    "diet_snips": lambda: diet([WORDS, CHARACTERS], **SNIPS),
    "diet_full": lambda: diet([LEXICAL, WORDS, CHARACTERS], **FULL),
    # No words, so that labels are one-hot.
    "diet_margin": lambda: diet([CHARACTERS], steps=8, **MARGIN),
}
