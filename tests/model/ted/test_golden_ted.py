"""The whole TED against Rasa's: losses, every gradient, and answers.

Rasa's batch, weights and negatives are given to our model. Padding in full dialogues, which Rasa
draws negatives from and we do not, was not drawn.
"""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from dialogues.golden_turns import TED_PATHS, GivenTurns
from goldens import (
    DIRECTORY,
    Golden,
    RecordedNoise,
    assert_close,
    connections,
    l2_of,
    variables,
)

from model.ted.batch import ATTRIBUTES, NO_LABEL
from model.ted.labels import Labels
from model.ted.options import TEDOptions
from model.ted.sizes import TEDSizes
from model.ted.ted import TED

# As for DIET: gradients of biases are sums that nearly cancel out.
GRADIENT_TOLERANCE = 3e-5

NAMES = sorted(file.stem for file in DIRECTORY.glob("ted_*.npz"))


class Case:
    """One golden with our model on Rasa's weights, Rasa's batch in our form, and Rasa's draws."""

    def __init__(self, name):
        self.golden = Golden(name, TED_PATHS)
        self.given = self.golden["input"]
        self.turns = GivenTurns(self.given)
        self.full = self.golden.options["full_dialogue"]
        tracker = "FullDialogueTrackerFeaturizer" if self.full else "MaxHistoryTrackerFeaturizer"
        self.options = TEDOptions.from_rasa(
            {**self.golden.options["ted"], "featurizer": [{"name": tracker}]}
        )
        self.lengths = self.given["dialogue/length"].astype(int)
        # Which cells of Rasa's `[batch, longest dialogue]` are turns.
        self.real = np.arange(self.lengths.max()) < self.lengths[:, None]
        self.model = TED(self.sizes(), self.options)
        self.model.build()
        self.golden.give_weights(self.model)
        self.batch = self.our_batch()
        self.noise = self.our_noise()

    def sizes(self):
        count = self.golden.options["actions"]
        labels = {}
        if "label_action_name/sentence/dense" not in self.given:  # else they are one-hot
            labels = {
                name: self.turns.widths(f"label_{name}")
                for name in ("action_name", "action_text")
                if f"label_{name}" in self.turns
            }
        real = np.ones([count, 1], bool)
        features = [self.turns.attribute(name, f"label_{name}", real) for name in labels]
        return TEDSizes(
            attributes={name: self.turns.widths(name) for name in ATTRIBUTES if name in self.turns},
            labels=Labels(
                "action_name",
                count,
                labels,
                {key: value for of in features for key, value in of.items()},
            ),
            num_tags=3 if "entity_tags/ids" in self.given else 0,
        )

    def our_batch(self):
        ids = self.given["label/ids"][..., 0]
        batch = {
            "dialogue_lengths": self.lengths,
            "label_ids": ids[self.real] if self.full else ids[:, 0],
            "example_weights": np.ones(len(self.lengths)),
        }
        for name in self.model.attributes:
            batch |= self.turns.attribute(name, name, self.real)
        if self.model.learns_entities:
            tags = self.given["entity_tags/ids"][..., 0]
            missing = batch["text_mask"].shape[1] - tags.shape[1]
            batch["entity_tags"] = np.pad(tags, [[0, 0], [0, missing]])
        signature = self.model.training_signature()
        assert batch.keys() == signature.keys()
        return {
            name: tf.constant(batch[name].astype(spec.dtype.as_numpy_dtype))
            for name, spec in signature.items()
        }

    def our_noise(self):
        drawn = self.golden["draw"]
        draws = {f"action_loss/{what}": drawn[f"action/{what}"] for what in ("inputs", "labels")}
        if self.full:  # Rasa's rows are cells of a padded grid
            row_of_cell = np.cumsum(self.real.ravel()) - 1
            draws = {name: value[self.real.ravel()] for name, value in draws.items()}
            inputs = draws["action_loss/inputs"]
            draws["action_loss/inputs"] = row_of_cell[inputs].astype(np.int32)
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


@pytest.mark.shows(
    "ted.dense_dimension",
    "ted.encoding_dimension",
    "ted.transformer_size",
    "ted.embedding_dimension",
    "ted.connection_density",
    "ted.entity_recognition",
    "ted.loss_type",
    "ted.scale_loss",
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
    if not case.full:  # Rasa counts padding as turns
        assert_close(metrics["action_accuracy"], expected["action_accuracy"], "accuracy")
    for path, variable in variables(case.model).items():
        variable.assign(variable * connections(case.model, path))
    assert_close(l2_of(case.model), expected["l2"], "L2")
    assert_close(float(sum(losses.values())) + l2_of(case.model), expected["total_loss"], "total")


@pytest.mark.shows("ted.loss_type", "ted.regularization_constant")
def test_gradients(case):
    _, _, gradients = case.losses_and_gradients()
    expected = case.golden.rasa_gradients(case.model)
    assert gradients.keys() == expected.keys()
    for path, gradient in gradients.items():
        assert_close(tf.convert_to_tensor(gradient), expected[path], path, GRADIENT_TOLERANCE)


def test_raw_predictions(case):
    batch = {name: case.batch[name] for name in case.model.input_signature()}
    ours, rasas = case.model(batch), case.golden["output"]
    assert_close(ours["action_confidences"], rasas["raw/scores"][:, 0], "confidences")
    assert_close(ours["action_similarities"], rasas["raw/similarities"][:, 0], "similarities")
    if "raw/e_entity_ids" in rasas:
        time = batch["text_mask"].shape[1]
        np.testing.assert_array_equal(ours["entity_tags"], rasas["raw/e_entity_ids"][:, :time])
        assert_close(ours["entity_confidences"], rasas["raw/e_entity_scores"][:, :time], "tags")


@pytest.mark.parametrize("name", ["ted_end_to_end", "ted_end_to_end_full"])
def test_labels_made_as_a_step_needs_them_learn_as_all_do(name):
    """Many labels are encoded in part: the losses, gradients and answers are those of all."""
    case = Case(name)
    losses, _, gradients = case.losses_and_gradients()
    answers = case.model.label_embeddings()
    labels, made = case.model.sizes.labels, []

    def some(numbers):
        made.append(numbers)
        return _of_some(labels, numbers)

    many = replace(labels, features=some)
    case.model.sizes = replace(case.model.sizes, labels=many)
    case.model.action_table.labels = many
    in_part, _, their_gradients = case.losses_and_gradients()
    drawn = case.noise.draws["action_loss/labels"]
    used = {*case.batch["label_ids"].numpy().ravel(), *drawn.ravel()}
    assert [numbers.tolist() for numbers in made] == [sorted(used - {NO_LABEL})]
    for loss, expected in losses.items():
        np.testing.assert_allclose(in_part[loss], expected, rtol=1e-5)
    for path, gradient in gradients.items():
        theirs = tf.convert_to_tensor(their_gradients[path])
        assert_close(theirs, tf.convert_to_tensor(gradient), path)
    assert_close(case.model.label_embeddings(), answers, "embeddings")


def _of_some(labels, numbers):
    """The features of some labels, cut out of those of all, row by row."""
    found = {}
    for name in labels.widths:
        own = {key: v for key, v in labels.features.items() if key.startswith(name)}
        turns = list(own[f"{name}_turns"])
        rows = [(place, turns.index(n)) for place, n in enumerate(numbers) if n in turns]
        found[f"{name}_turns"] = np.array([place for place, _ in rows])
        time = own[f"{name}_mask"].shape[1] if f"{name}_mask" in own else 1
        for key, value in own.items():
            if key.endswith("_indices"):
                cells = time if "_sequence_" in key else 1
                there = [np.flatnonzero(value[:, 0] // cells == row) for _, row in rows]
                moved = [(new - row) * cells for new, (_, row) in enumerate(rows)]
                shift = np.repeat(np.array(moved, int), [len(cells) for cells in there])
                there = np.concatenate([np.zeros(0, int), *there])
                found[key] = value[there] + np.stack([shift, 0 * shift], 1)
                values = key.replace("_indices", "_values")
                found[values] = own[values][there]
            elif not key.endswith(("_values", "_turns")):
                found[key] = value[[row for _, row in rows]]
    return found
