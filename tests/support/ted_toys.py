"""Made-up dialogues for TED, a batch of any of them at a time."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from model.layers.feature_widths import FeatureWidths
from model.ted.batch import NO_LABEL, TEXT_ATTRIBUTES
from model.ted.labels import Labels
from model.ted.options import TEDOptions
from model.ted.sizes import TEDSizes
from model.ted.ted import TED
from model.unexpected_intent.options import UnexpectedIntentOptions
from model.unexpected_intent.sizes import UnexpectedIntentSizes
from model.unexpected_intent.unexpected_intent import UnexpectedIntent

WIDTHS = {
    "intent": FeatureWidths(sentence=5),
    "text": FeatureWidths(sequence=7, sentence=6),
    "action_name": FeatureWidths(sentence=4),
    "entities": FeatureWidths(sentence=3, sentence_dense=2),
    "slots": FeatureWidths(sentence=3),
}
ACTIONS = 4
SMALL = {
    "transformer_size": {"text": 4, "dialogue": 8},
    "number_of_attention_heads": 2,
    "encoding_dimension": 6,
    "connection_density": 1.0,
    "number_of_negative_examples": 3,
}
FULL = {"featurizer": [{"name": "FullDialogueTrackerFeaturizer"}]}


def _rows_of_labels(numbers: np.ndarray) -> dict[str, np.ndarray]:
    places = np.arange(len(numbers))
    indices = np.stack([places, numbers], 1)
    values = np.ones(len(numbers), np.float32)
    rows = {"turns": places, "indices": indices, "values": values}
    return {f"action_name_{key}": value for key, value in rows.items()}


ONE_HOT = Labels("action_name", ACTIONS)
MANY = Labels("action_name", ACTIONS, {"action_name": WIDTHS["action_name"]}, _rows_of_labels)
"""The same, made as they are needed."""


def toy_ted(accumulate_steps: int = 1, labels: Labels = ONE_HOT, **options) -> TED:
    """A small TED of everything but bots' texts."""
    sizes = TEDSizes(attributes=WIDTHS, labels=labels, num_tags=3)
    options = TEDOptions.from_rasa({**SMALL, **options})
    model = TED(sizes, options, accumulate_steps=accumulate_steps)
    model.build()
    return model


def toy_unexpected_intent(accumulate_steps: int = 1, **options) -> UnexpectedIntent:
    """A small model of unexpected intents, which are as many as `toy_ted` has actions."""
    attributes = {name: widths for name, widths in WIDTHS.items() if name != "text"}
    sizes = UnexpectedIntentSizes(attributes=attributes, labels=Labels("intent", ACTIONS))
    options = UnexpectedIntentOptions.from_rasa({**SMALL, **options})
    model = UnexpectedIntent(sizes, options, accumulate_steps=accumulate_steps)
    model.build()
    return model


class Turn:
    """The features of one turn: `held` are the first letters of its attributes."""

    def __init__(self, held: str, rng: np.random.Generator):
        names = [name for name in WIDTHS if name[0] in held]
        self.columns = {name: rng.integers(0, WIDTHS[name].sentence) for name in names}
        self.dense = rng.normal(size=2)
        self.tokens = rng.integers(0, WIDTHS["text"].sequence, rng.integers(1, 5))
        self.tags = rng.integers(0, 3, len(self.tokens))
        self.label = int(rng.integers(0, ACTIONS))


class Toy:
    """Dialogues written as words, a turn each; an empty one is a row that only fills the batch."""

    def __init__(self, *dialogues: str, seed: int = 0):
        rng = np.random.default_rng(seed)
        self.dialogues = [[Turn(held, rng) for held in d.split()] for d in dialogues]

    def batch(self, model: TED | UnexpectedIntent, rows=slice(None)) -> dict[str, tf.Tensor]:
        """A batch for training of the dialogues in `rows`."""
        dialogues = self.dialogues[rows]
        padded = [d or [Turn("", np.random.default_rng(0))] for d in dialogues]
        turns = [turn for dialogue in padded for turn in dialogue]
        full = model.options.full_dialogue
        last = {id(dialogue[-1]) for dialogue in padded}
        tagged = [t for t in turns if "text" in t.columns and (full or id(t) in last)]
        batch = {
            "dialogue_lengths": [len(d) for d in padded],
            "label_ids": [t.label for t in turns] if full else [d[-1].label for d in padded],
            "intent_ids": [_one_or_two(d[-1].label) for d in padded],
            "example_weights": [1.0 if d else 0.0 for d in dialogues],
        }
        time = max([len(t.tokens) for t in turns if "text" in t.columns], default=1)
        for name in model.attributes:
            batch |= _attribute(name, turns, time)
        batch["entity_tags"] = _padded([t.tags for t in tagged], time)
        shapes = model.training_signature()
        return {
            key: tf.constant(
                np.array(batch[key], spec.dtype.as_numpy_dtype).reshape(
                    np.shape(batch[key]) if np.size(batch[key]) else _empty(spec, time)
                )
            )
            for key, spec in shapes.items()
        }


def _one_or_two(label: int) -> list[int]:
    return [label, label - 1 if label % 2 else NO_LABEL]


def _empty(spec: tf.TensorSpec, time: int) -> list[int]:
    return [0, *[time if width is None else width for width in spec.shape[1:]]]


def _padded(rows: list, time: int) -> list:
    return [[*row, *[0] * (time - len(row))] for row in rows]


def _attribute(name: str, turns: list[Turn], time: int) -> dict:
    places = [place for place, turn in enumerate(turns) if name in turn.columns]
    held = [turns[place] for place in places]
    found = {f"{name}_turns": places}
    sentence = f"{name}_sentence" if name in TEXT_ATTRIBUTES else name
    found[f"{sentence}_indices"] = [(row, t.columns[name]) for row, t in enumerate(held)]
    found[f"{sentence}_values"] = [1.0] * len(held)
    if name == "entities":
        found["entities_dense"] = [turn.dense for turn in held]
    if name in TEXT_ATTRIBUTES:
        cells = [(row, at, c) for row, t in enumerate(held) for at, c in enumerate(t.tokens)]
        found[f"{name}_mask"] = _padded([[1] * len(t.tokens) for t in held], time)
        found[f"{name}_sequence_indices"] = [(row * time + at, c) for row, at, c in cells]
        found[f"{name}_sequence_values"] = [1.0] * len(cells)
    return found
