"""The response selector against Rasa's: every loss, every gradient, a training step, and answers.

Rasa's batch, weights, negatives and hidden tokens are given to our model.
"""

import numpy as np
import pytest
import tensorflow as tf
from golden_texts import (
    LABEL_PATHS,
    dense_width,
    feature_width,
    guessing_draws,
    label_features,
    text_tensors,
)
from goldens import DIRECTORY, Golden, RecordedNoise, assert_close, connections, l2_of, variables

import trainer.training.step
from model.layers.feature_widths import FeatureWidths
from model.response_selector.options import ResponseSelectorOptions
from model.response_selector.response_selector import ResponseSelector
from model.response_selector.sizes import ResponseSelectorSizes
from trainer.distribution.distribution import SingleDevice
from trainer.training.optimizer import FusedAdam
from trainer.training.precision import LossScale

# As for DIET: gradients of biases are sums that nearly cancel out.
GRADIENT_TOLERANCE = 3e-5

NAMES = sorted(file.stem for file in DIRECTORY.glob("response_selector_*.npz"))
STEPPED = ("response_selector_keys", "response_selector_texts_transformer")
"""Those of which a whole training step was recorded."""


class Case:
    """One golden with our model on Rasa's weights, Rasa's batch in our form, and Rasa's draws."""

    def __init__(self, name):
        self.golden = Golden(name, LABEL_PATHS)
        self.given = self.golden["input"]
        self.options = ResponseSelectorOptions.from_rasa(self.golden.options["response_selector"])
        self.model = ResponseSelector(self.sizes(), self.options)
        self.model.build()
        self.golden.give_weights(self.model)
        self.batch = self.our_batch()
        self.noise = self.our_noise()

    def widths(self, name):
        return FeatureWidths(
            sequence=feature_width(self.given, f"{name}/sequence"),
            sentence=feature_width(self.given, f"{name}/sentence"),
            sequence_dense=dense_width(self.given, f"{name}/sequence"),
            sentence_dense=dense_width(self.given, f"{name}/sentence"),
        )

    def sizes(self):
        labels = {}
        if self.options.use_text_as_label:
            widths = self.widths("all_labels")
            tensors = text_tensors(self.given, "all_labels")
            specs = widths.text_spec("text")
            labels = {
                "response": widths,
                "response_features": {
                    key: tensors[key].astype(spec.dtype.as_numpy_dtype)
                    for key, spec in specs.items()
                },
            }
        elif features := label_features(self.given, "all_labels/sequence"):
            labels = {
                "key_features": tuple(tuple(map(tuple, label)) for label in features),
                "key_width": feature_width(self.given, "all_labels/sequence"),
            }
        count = len(self.golden.options["labels"])
        return ResponseSelectorSizes(text=self.widths("text"), num_labels=count, **labels)

    def our_batch(self):
        ids = self.given["label/ids"][:, 0]
        batch = {
            **text_tensors(self.given, "text"),
            "label_ids": ids,
            "example_weights": np.ones(len(ids)),
        }
        signature = self.model.training_signature()
        return {name: tf.constant(batch[name], spec.dtype) for name, spec in signature.items()}

    def our_noise(self):
        drawn = self.golden["draw"]
        draws = {
            f"response_loss/{what}": drawn[f"response/{what}"] for what in ("inputs", "labels")
        }
        if self.options.use_masked_language_model:
            draws |= guessing_draws(drawn, self.batch["text_mask"].numpy())
        return RecordedNoise(draws)

    def losses_and_gradients(self):
        """The mean losses, the metrics, and the gradient of the losses' sum by path."""
        trainable = {v.path.split("/", 1)[1]: v.value for v in self.model.trainable_variables}
        with tf.GradientTape() as tape:
            terms = self.model.loss_terms(self.batch, self.noise)
            losses = {name: term.total / term.weight for name, term in terms.losses.items()}
            total = tf.add_n(list(losses.values()))
        gradients = tape.gradient(total, trainable)
        metrics = {name: term.total / term.weight for name, term in terms.metrics.items()}
        return losses, metrics, gradients


@pytest.fixture(scope="module", params=NAMES)
def case(request):
    return Case(request.param)


def test_every_loss_and_their_sum(case):
    losses, metrics, _ = case.losses_and_gradients()
    expected = case.golden["output"]
    assert case.noise.asked == case.noise.draws.keys()
    assert {f"{name}_loss" for name in losses} == {
        name for name in expected if name.endswith("_loss") and name != "total_loss"
    }
    for name, loss in losses.items():
        assert_close(loss, expected[f"{name}_loss"], name)
    for name, value in metrics.items():
        assert_close(value, expected[name], name)
    zero_where_missing(case.model)
    assert_close(l2_of(case.model), expected["l2"], "L2")
    assert_close(float(sum(losses.values())) + l2_of(case.model), expected["total_loss"], "total")


def test_gradients(case):
    zero_where_missing(case.model)
    _, _, gradients = case.losses_and_gradients()
    predicted = case.golden.rasa_gradients(case.model)
    assert gradients.keys() == predicted.keys()
    for path, gradient in gradients.items():
        assert_close(tf.convert_to_tensor(gradient), predicted[path], path, GRADIENT_TOLERANCE)


@pytest.fixture
def eagerly():
    """No tracing, which takes longer than a step."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module", params=STEPPED)
def stepped(request):
    return Case(request.param)


def test_gradients_after_the_rule_of_l2(stepped):
    zero_where_missing(stepped.model)
    _, _, gradients = stepped.losses_and_gradients()
    applied = stepped.golden.rasa_gradients(stepped.model, "applied")
    assert gradients.keys() == applied.keys()
    ours = variables(stepped.model)
    for path, gradient in gradients.items():
        regularised = trainer.training.step._regularised(gradient, ours[path])
        assert_close(tf.convert_to_tensor(regularised), applied[path], path, GRADIENT_TOLERANCE)


def test_weights_after_one_step_of_the_trainer(stepped, monkeypatch, eagerly):
    case = stepped
    case.golden.give_weights(case.model)
    monkeypatch.setattr(trainer.training.step, "Noise", lambda *_: case.noise)
    optimizer = FusedAdam(0.001)
    optimizer.build(case.model.trainable_variables)
    step = trainer.training.step.TrainStep(
        case.model, optimizer, SingleDevice(), LossScale("float32"), seed=1
    )
    step.compile({name: tf.TensorSpec.from_tensor(value) for name, value in case.batch.items()})
    step(case.batch, 0)
    ours = variables(case.model)
    for path, expected in case.golden.rasa_gradients(case.model, "after").items():
        # A kernel counts only where it has connections.
        assert_close(ours[path] * connections(case.model, path), expected, path)


def zero_where_missing(model):
    """What Rasa's first forward pass does to a kernel; ours is built like that."""
    for path, variable in variables(model).items():
        variable.assign(variable * connections(model, path))


def test_raw_predictions(case):
    batch = {name: case.batch[name] for name in case.model.input_signature()}
    ours = case.model(batch)["response_confidences"]
    assert_close(ours, case.golden["output"]["raw/i_scores"], "confidences")
