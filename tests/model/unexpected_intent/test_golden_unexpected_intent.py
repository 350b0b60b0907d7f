"""The model of unexpected intents against Rasa's: losses, every gradient, and answers.

Rasa's batch, weights and draws of intents are given to our model.
"""

import numpy as np
import pytest
import tensorflow as tf
from dialogues.golden_turns import TED_PATHS, GivenTurns
from goldens import DIRECTORY, Golden, RecordedNoise, assert_close, connections, l2_of, variables

from model.ted.batch import ATTRIBUTES
from model.ted.labels import Labels
from model.unexpected_intent.options import UnexpectedIntentOptions
from model.unexpected_intent.sizes import UnexpectedIntentSizes
from model.unexpected_intent.unexpected_intent import UnexpectedIntent

# As for TED: gradients of biases are sums that nearly cancel out.
GRADIENT_TOLERANCE = 3e-5

NAMES = sorted(file.stem for file in DIRECTORY.glob("unexpected_intent_*.npz"))

PATHS = (
    (r"^(\w+)\.(label_\w+)/", r"intent_table/\1.\2/"),
    (r"^embed\.label/", "intent_table/embed/"),
    *TED_PATHS,
)


class Case:
    """One golden with our model on Rasa's weights, Rasa's batch in our form, and Rasa's draws."""

    def __init__(self, name):
        self.golden = Golden(name, PATHS)
        self.given = self.golden["input"]
        self.turns = GivenTurns(self.given)
        self.options = UnexpectedIntentOptions.from_rasa(self.rasas_options())
        self.lengths = self.given["dialogue/length"].astype(int)
        self.model = UnexpectedIntent(self.sizes(), self.options)
        self.model.build()
        self.golden.give_weights(self.model)
        self.batch = self.our_batch()
        self.noise = RecordedNoise({"intent_loss/labels": self.golden["draw"]["intent/labels"]})

    def rasas_options(self):
        """Those of the golden, which were made up for TED: its widths of actions as labels left
        out.
        """
        given = dict(self.golden.options["unexpected_intent"])
        for name, value in vars(UnexpectedIntentOptions()).items():
            if isinstance(value, dict) and name in given:
                given[name] = {key: given[name][key] for key in value}
        return given

    def sizes(self):
        count = self.golden.options["intents"]
        by_words = "label_intent/sentence/dense" not in self.given  # else they are one-hot
        real = np.ones([count, 1], bool)
        return UnexpectedIntentSizes(
            attributes={name: self.turns.widths(name) for name in ATTRIBUTES if name in self.turns},
            labels=Labels(
                "intent",
                count,
                {"intent": self.turns.widths("label_intent")} if by_words else {},
                self.turns.attribute("intent", "label_intent", real) if by_words else {},
            ),
        )

    def our_batch(self):
        real = np.arange(self.lengths.max()) < self.lengths[:, None]
        batch = {
            "dialogue_lengths": self.lengths,
            "intent_ids": self.given["label/ids"][..., 0],
            "example_weights": np.ones(len(self.lengths)),
        }
        for name in self.model.attributes:
            batch |= self.turns.attribute(name, name, real)
        signature = self.model.training_signature()
        assert batch.keys() == signature.keys()
        return {
            name: tf.constant(batch[name].astype(spec.dtype.as_numpy_dtype))
            for name, spec in signature.items()
        }

    def losses_and_gradients(self):
        """The mean loss, the accuracy, and the loss's gradients by path."""
        trainable = {v.path.split("/", 1)[1]: v.value for v in self.model.trainable_variables}
        with tf.GradientTape() as tape:
            terms = self.model.loss_terms(self.batch, self.noise)
            (loss,) = (term.total / term.weight for term in terms.losses.values())
        accuracy = terms.metrics["intent_accuracy"]
        return loss, accuracy.total / accuracy.weight, tape.gradient(loss, trainable)


@pytest.fixture(scope="module", params=NAMES)
def case(request):
    return Case(request.param)


@pytest.mark.shows(
    "unexpected_intent.dense_dimension",
    "unexpected_intent.encoding_dimension",
    "unexpected_intent.transformer_size",
    "unexpected_intent.embedding_dimension",
    "unexpected_intent.connection_density",
    "unexpected_intent.number_of_negative_examples",
    "unexpected_intent.scale_loss",
)
def test_the_loss_and_its_sum_with_l2(case):
    loss, accuracy, _ = case.losses_and_gradients()
    expected = case.golden["output"]
    assert case.noise.asked == case.noise.draws.keys()
    assert_close(loss, expected["intent_loss"], "intent")
    assert_close(accuracy, expected["intent_accuracy"], "accuracy")
    for path, variable in variables(case.model).items():
        variable.assign(variable * connections(case.model, path))
    assert_close(l2_of(case.model), expected["l2"], "L2")
    assert_close(float(loss) + l2_of(case.model), expected["total_loss"], "total")


@pytest.mark.shows("unexpected_intent.regularization_constant")
def test_gradients(case):
    _, _, gradients = case.losses_and_gradients()
    expected = case.golden.rasa_gradients(case.model)
    assert gradients.keys() == expected.keys()
    for path, gradient in gradients.items():
        assert_close(tf.convert_to_tensor(gradient), expected[path], path, GRADIENT_TOLERANCE)


def test_raw_predictions(case):
    batch = {name: case.batch[name] for name in case.model.input_signature()}
    ours, rasas = case.model(batch), case.golden["output"]
    assert_close(ours["intent_similarities"], rasas["raw/similarities"][:, 0], "similarities")
    assert_close(ours["intent_confidences"], rasas["raw/scores"][:, 0], "confidences")
