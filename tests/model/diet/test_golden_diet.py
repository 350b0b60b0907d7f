"""The whole DIET against Rasa's: every loss, every gradient, a training step, and answers.

Rasa's batch, weights, negatives and hidden tokens are given to our model.
"""

import json

import numpy as np
import pytest
import tensorflow as tf
from golden_texts import feature_width, guessing_draws, label_features, text_tensors
from goldens import DIRECTORY, Golden, RecordedNoise, assert_close, connections, l2_of, variables

import trainer.training.step
from data_pipeline.entities.decoding import decode_entities
from data_pipeline.entities.tags import TagVocabulary
from data_pipeline.rasa_files.training_items import Token
from model.diet.diet import DIET
from model.diet.options import DIETOptions
from model.diet.sizes import DIETSizes
from trainer.distribution.distribution import SingleDevice
from trainer.training.optimizer import FusedAdam
from trainer.training.precision import LossScale

# Gradients of biases are sums that nearly cancel out, and Rasa's CRF has only float32, ours double:
# of Rasa's seven digits less than five can be left. With the CRF in float32 ours is Rasa's to 2e-6.
GRADIENT_TOLERANCE = 3e-5

NAMES = sorted(file.stem for file in DIRECTORY.glob("diet_*.npz"))


class Case:
    """One golden with our model on Rasa's weights, Rasa's batch in our form, and Rasa's draws."""

    def __init__(self, name):
        self.golden = Golden(name)
        options = self.golden.options
        self.given = self.golden["input"]
        self.options = DIETOptions.from_rasa(options["diet"])
        self.tags = vocabulary(options["tags"], self.options.BILOU_flag)
        self.labels = options["labels"]
        self.model = DIET(self.sizes(), self.options)
        self.model.build()
        self.golden.give_weights(self.model)
        self.batch = self.our_batch()
        self.noise = self.our_noise()

    def sizes(self):
        labels = {"label_width": len(self.labels), "label_one_hot": True}
        if features := label_features(self.given):
            nested = tuple(tuple(map(tuple, label)) for label in features)
            width = feature_width(self.given, "all_labels")
            labels = {"label_width": width, "label_token_features": nested}
        return DIETSizes(
            text_sequence_width=feature_width(self.given, "text/sequence"),
            text_sentence_width=feature_width(self.given, "text/sentence"),
            num_tags=self.tags.num_tags,
            **labels,
        )

    def our_batch(self):
        given = self.given
        ids = given["label/ids"][:, 0]
        batch = {
            **text_tensors(given, "text"),
            "label_ids": ids,
            "example_weights": np.ones(len(ids)),
        }
        for head in self.tags.heads:
            batch[f"{head}_tags"] = given[f"entities/{head}"][..., 0].astype(np.int32)
        signature = self.model.training_signature()
        return {name: tf.constant(batch[name], spec.dtype) for name, spec in signature.items()}

    def our_noise(self):
        drawn = self.golden["draw"]
        draws = {f"intent_loss/{what}": drawn[f"intent/{what}"] for what in ("inputs", "labels")}
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


def vocabulary(tags, bilou):
    """The vocabulary whose tags are these, in this order."""
    prefixes = 4 if bilou else 1
    names = {
        head: tuple(tag[2:] if bilou else tag for tag in tags[head][1::prefixes])
        for head in ("entity", "role", "group")
        if head in tags
    }
    made = TagVocabulary(names, bilou)
    assert {head: list(found) for head, found in made.tags.items()} == tags
    return made


@pytest.fixture(scope="module", params=NAMES)
def case(request):
    return Case(request.param)


@pytest.mark.shows(
    "diet.hidden_layers_sizes", "diet.dense_dimension", "diet.use_masked_language_model"
)
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


@pytest.mark.shows("diet.regularization_constant")
def test_gradients_before_and_after_the_rule_of_l2(case):
    zero_where_missing(case.model)
    _, _, gradients = case.losses_and_gradients()
    predicted = case.golden.rasa_gradients(case.model)
    applied = case.golden.rasa_gradients(case.model, "applied")
    assert gradients.keys() == predicted.keys() == applied.keys()
    for path, variable in variables(case.model).items():
        if path in gradients:
            gradient = tf.convert_to_tensor(gradients[path])
            assert_close(gradient, predicted[path], path, GRADIENT_TOLERANCE)
            regularised = tf.convert_to_tensor(
                trainer.training.step._regularised(gradients[path], variable)
            )
            assert_close(regularised, applied[path], f"applied to {path}", GRADIENT_TOLERANCE)


@pytest.fixture
def eagerly():
    """No tracing, which takes longer than a step."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_weights_after_one_step_of_the_trainer(case, monkeypatch, eagerly):
    case.golden.give_weights(case.model)
    monkeypatch.setattr(trainer.training.step, "Noise", lambda *_: case.noise)
    optimizer = FusedAdam(0.001)
    optimizer.build(case.model.trainable_variables)
    step = trainer.training.step.TrainStep(
        case.model, optimizer, SingleDevice(), LossScale("float32"), seed=1
    )
    step.compile({name: tf.TensorSpec.from_tensor(value) for name, value in case.batch.items()})
    step(case.batch, 0)
    theirs = case.golden.rasa_gradients(case.model, "after")
    ours = variables(case.model)
    for path, expected in theirs.items():
        # A kernel counts only where it has connections.
        assert_close(ours[path] * connections(case.model, path), expected, path)
    case.golden.give_weights(case.model)


def zero_where_missing(model):
    """What Rasa's first forward pass does to a kernel; ours is built like that."""
    for path, variable in variables(model).items():
        variable.assign(variable * connections(model, path))


def answers_for(case):
    batch = {name: case.batch[name] for name in case.model.input_signature()}
    return {name: value.numpy() for name, value in case.model(batch).items()}


def test_raw_predictions(case):
    ours, golden = answers_for(case), case.golden["output"]
    time = case.batch["text_mask"].shape[1]
    assert_close(ours["intent_confidences"], golden["raw/i_scores"], "intents")
    for head in case.tags.heads:
        np.testing.assert_array_equal(ours[f"{head}_tags"], golden[f"raw/e_{head}_ids"][:, :time])
        confidences = golden[f"raw/e_{head}_scores"][:, :time]
        assert_close(ours[f"{head}_confidences"], confidences, head)


@pytest.mark.shows("diet.BILOU_flag")
def test_answers(case):
    """Ranked intents and entities of the batch's messages, each of which Rasa was sent alone."""
    ours = answers_for(case)
    rasas = json.loads(str(case.golden["output"]["answers"]))[: len(ours["intent_confidences"])]
    length = case.options.ranking_length or None
    for row, answer in enumerate(rasas):
        confidences = ours["intent_confidences"][row]
        order = np.argsort(confidences, kind="stable")[::-1][:length]
        ranking = answer["intent_ranking"]
        assert [case.labels[index] for index in order] == [entry["name"] for entry in ranking]
        assert_close(confidences[order], [entry["confidence"] for entry in ranking])
        tokens = [Token(*token) for token in answer["tokens"]]
        found = decode_entities(
            answer["text"],
            tokens,
            {head: ours[f"{head}_tags"][row][: len(tokens)] for head in case.tags.heads},
            {head: ours[f"{head}_confidences"][row][: len(tokens)] for head in case.tags.heads},
            case.tags,
            extractor="DIETClassifier",
        )
        assert len(found) == len(answer["entities"])
        for entity, expected in zip(found, answer["entities"], strict=True):
            assert entity.keys() == expected.keys()
            for key, value in expected.items():
                if key.startswith("confidence"):
                    assert_close(entity[key], value, f"{key} in {answer['text']!r}")
                else:
                    assert entity[key] == value
