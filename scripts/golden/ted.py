"""Goldens of the whole TED: losses, gradients and answers.

Features are made up, and all that is done with them is Rasa's: its model data, batches and TED.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.sparse
import tensorflow as tf
from golden.recording import SEED, dense_arrays, fill, sparse, trainable_of, weights_of
from golden.replay import ReplayedNegatives
from rasa.core.policies.ted_policy import TEDPolicy
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.extractors.extractor import EntityTagSpec
from rasa.shared.nlu.training_data.features import Features
from rasa.utils.tensorflow.data_generator import RasaBatchDataGenerator
from rasa.utils.tensorflow.model_data_utils import convert_to_data_format

TEXTS = ("text", "action_text", "label_action_text")
NAMES = ("intent", "action_name", "label_action_name", "entities", "slots", "active_loop")
SMALL = {
    "transformer_size": {**{name: 4 for name in TEXTS}, "dialogue": 8},
    "number_of_attention_heads": 2,
    "dense_dimension": {name: 6 if name in TEXTS else 4 for name in (*TEXTS, *NAMES)},
    "concat_dimension": {name: 6 for name in TEXTS},
    "encoding_dimension": 7,
    "embedding_dimension": 6,
    "drop_rate_dialogue": 0.0,
    "random_seed": 1,
}
WIDTHS = {"intent": 5, "action_name": 6, "entities": 4, "slots": 7, "active_loop": 2}
ACTIONS = 6
# Turns as letters. A turn may hold an intent, a text, the name or the text of an action, and so on.
LETTERS = {
    "i": "intent",
    "t": "text",
    "n": "action_name",
    "a": "action_text",
    "e": "entities",
    "s": "slots",
    "l": "active_loop",
}
INTENTS = ["- in n in n", "- in", "-", "- in n", "- in n in n in"]
STATES = ["- ine ns ins nls", "- ins", "-", "- ine nsl", "- in ns ine nesl ins", "- in n"]
TALKS = ["- tn ns as ta ns tn", "- in n tns", "-", "- tn", "- tn a", "- ta ns in nsl", "- in tn"]


class Dialogues:
    """Made-up features of dialogues, and what Rasa makes of them."""

    def __init__(self, dialogues: list[str], full_dialogue: bool):
        self._rng = np.random.default_rng(SEED)
        self.full_dialogue = full_dialogue
        self.end_to_end = any("t" in dialogue for dialogue in dialogues)
        turns = [dialogue.split() for dialogue in dialogues]
        self.features, self.tags = [], []
        for dialogue in turns:
            states, tags = [], []
            for turn in dialogue:
                held = {LETTERS[c]: self._attribute(LETTERS[c]) for c in turn if c in LETTERS}
                states.append(held)
                tags.append(self._tags(held["text"]) if "text" in held else {})
            self.features.append(states)
            self.tags.append(tags if full_dialogue else tags[-1:])
        counts = [len(dialogue) if full_dialogue else 1 for dialogue in turns]
        ids = [self._rng.integers(0, ACTIONS, count) for count in counts]
        self.label_ids = np.array(ids, dtype=object if full_dialogue else None)

    def _sparse(self, rows: int, width: int) -> scipy.sparse.csr_matrix:
        values = self._rng.integers(1, 3, (rows, width)) * (self._rng.random((rows, width)) < 0.3)
        values[np.arange(rows), self._rng.integers(0, width, rows)] = 1
        return scipy.sparse.csr_matrix(values.astype(np.float32))

    def _attribute(self, name: str) -> list[Features]:
        if name in ("text", "action_text"):
            tokens = self._sparse(int(self._rng.integers(1, 5)), 9)
            whole = self._sparse(1, 8)
            # Equally wide for tokens and the whole: else Rasa mixes in padding, and we do not
            # (see `test_golden_text`).
            dense = self._rng.normal(size=(tokens.shape[0], 3)).astype(np.float32)
            of_whole = self._rng.normal(size=(1, 3)).astype(np.float32)
            return [
                Features(tokens, "sequence", name, "sparse"),
                Features(dense, "sequence", name, "dense"),
                Features(whole, "sentence", name, "sparse"),
                Features(of_whole, "sentence", name, "dense"),
            ]
        return [Features(self._sparse(1, WIDTHS[name]), "sentence", name, "sparse")]

    def _tags(self, text: list[Features]) -> dict[str, list[Features]]:
        tags = self._rng.integers(0, 3, (text[0].features.shape[0], 1)).astype(np.float32)
        return {"entity_tags": [Features(tags, "ids", "entity_tags", "tags")]}

    def labels(self) -> list[dict[str, list[Features]]]:
        """The features of all actions: one-hot, or end to end words and (the last two) texts."""
        if not self.end_to_end:
            one_hot = np.eye(ACTIONS, dtype=np.float32)
            rows = [one_hot[[action]] for action in range(ACTIONS)]
            return [{"action_name": [Features(r, "sentence", "action_name", "one")]} for r in rows]
        names = ["action_name"] * (ACTIONS - 2) + ["action_text"] * 2
        return [{name: self._attribute(name)} for name in names]


class RealNegatives(ReplayedNegatives):
    """Negatives that are never padding, which our model does not draw.

    `real` lists, of the flat cells of turns, those that are no padding.
    """

    def __init__(self, seed: int, cells: int, real: np.ndarray):
        super().__init__(seed)
        self._cells = cells
        self._real = real

    def indices(self, batch_size, n, n_max) -> tf.Tensor:
        if int(n_max) != self._cells:
            return super().indices(batch_size, n, n_max)
        drawn = self._rng.choice(self._real, (int(batch_size), int(n))).astype(np.int32)
        self.recorded.append(drawn)
        return tf.constant(drawn)


class FilledTED:
    """A TED with made-up weights, and its batch of all dialogues."""

    def __init__(
        self, dialogues: Dialogues, options: dict[str, Any], kind: type[TEDPolicy] = TEDPolicy
    ):
        policy = policy_of(kind, {**SMALL, **options})
        encoded = dialogues.labels()
        data = policy._create_model_data(
            dialogues.features, dialogues.label_ids, dialogues.tags, encoded
        )
        of_labels, _ = convert_to_data_format(encoded)
        domain = SimpleNamespace(num_actions=ACTIONS, intents=range(ACTIONS))
        labels = policy._assemble_label_data(of_labels, domain)
        tags = {0: "O", 1: "a", 2: "b"}
        spec = EntityTagSpec("entity", tags, {tag: number for number, tag in tags.items()}, 3)
        self.model = policy.model_class()(
            data.get_signature(), policy.config, not dialogues.full_dialogue, labels, [spec]
        )
        self.model.compile()
        self.batch = RasaBatchDataGenerator(data, batch_size=100, shuffle=False)[0][0]
        self.model._training = True
        self.model.batch_loss(self.batch)  # builds
        fill(self.model, np.random.default_rng(SEED), scale=0.3)

    def arrays(self) -> dict[str, np.ndarray]:
        """The batch, and the features of all labels."""
        batch = self.model.batch_to_model_data_format(self.batch, self.model.data_signature)
        labels = {k: v for k, v in self.model.tf_label_data.items() if k != "label"}
        return {**_arrays_of(batch), **_arrays_of(labels)}

    def lengths(self) -> np.ndarray:
        batch = self.model.batch_to_model_data_format(self.batch, self.model.data_signature)
        return batch["dialogue"]["length"][0].numpy().astype(int)


def policy_of(kind: type[TEDPolicy], options: dict[str, Any]) -> TEDPolicy:
    config = {**kind.get_default_config(), **options}
    storage = LocalModelStorage(Path(tempfile.mkdtemp()))
    context = ExecutionContext(GraphSchema({}), node_name="golden")
    return kind(config, storage, Resource("ted"), context)


def _arrays_of(data: dict) -> dict[str, np.ndarray]:
    arrays = {}
    for key, parts in data.items():
        for part, tensors in parts.items():
            for tensor in tensors:
                # Of sparse and dense features of the same kind there is one each.
                if isinstance(tensor, tf.SparseTensor):
                    arrays.update(sparse(f"{key}/{part}", tensor))
                else:
                    kind = "/dense" if part in ("sequence", "sentence") else ""
                    arrays[f"{key}/{part}{kind}"] = tf.convert_to_tensor(tensor).numpy()
    return arrays


def ted(dialogues: list[str], *, full_dialogue: bool = False, **options) -> dict[str, Any]:
    made = FilledTED(Dialogues(dialogues, full_dialogue), options)
    weights = weights_of(made.model)
    inputs = made.arrays()
    losses, gradients, draws = _losses_and_gradients(made, full_dialogue)
    return {
        "inputs": inputs,
        "weights": weights,
        "draws": draws,
        "outputs": {**losses, **raw_answers(made, full_dialogue)},
        "gradients": gradients,
        "options": {
            "ted": {**SMALL, **options},
            "full_dialogue": full_dialogue,
            "dialogues": dialogues,
            "actions": ACTIONS,
        },
    }


def _losses_and_gradients(made: FilledTED, full_dialogue: bool):
    model, lengths = made.model, made.lengths()
    trainable = trainable_of(model)
    cells = len(lengths) * (lengths.max() if full_dialogue else 1)
    real = np.arange(cells)
    if full_dialogue:
        real = np.flatnonzero(np.arange(lengths.max()) < lengths[:, None])
    model.reset_metrics()
    with RealNegatives(SEED, cells, real) as negatives:
        with tf.GradientTape() as tape:
            total = model.batch_loss(made.batch)
    gradients = tape.gradient(total, trainable)
    metrics = {
        "action_loss": model.action_loss,
        "action_accuracy": model.action_acc,
        "entity_loss": model.entity_loss,
    }
    losses = {name: m.result().numpy() for name, m in metrics.items() if float(m.count) > 0}
    l2 = np.float32(sum(model.losses))
    # The loss draws inputs, then labels.
    draws = dict(zip(("action/inputs", "action/labels"), negatives.recorded, strict=True))
    losses |= {"l2": l2, "total_loss": total.numpy() + l2}
    return losses, dense_arrays(gradients), draws


def raw_answers(made: FilledTED, full_dialogue: bool = False) -> dict[str, np.ndarray]:
    """Raw predictions for the batch."""
    model = made.model
    model._training = False
    model.prepare_for_predict()
    model.predict_data_signature = model.data_signature
    if full_dialogue:
        # Rasa's entities in full dialogues fit only a prediction for a single turn.
        model.config["entity_recognition"] = False
    outputs = model.batch_predict(made.batch)
    outputs.pop("diagnostic_data")
    return {f"raw/{name}": value.numpy() for name, value in outputs.items()}


# What the defaults do not reach.
FULL = {
    "constrain_similarities": True,
    "use_key_relative_attention": True,
    "use_value_relative_attention": True,
    "max_relative_position": 2,
    "number_of_transformer_layers": {name: 2 for name in (*TEXTS, "dialogue")},
    "connection_density": 1.0,
}
END_TO_END = {
    "hidden_layers_sizes": {"text": [5], "action_text": [], "label_action_text": [5]},
    "scale_loss": False,
}

MAKERS = {
    "ted_intents": lambda: ted(INTENTS),
    "ted_states": lambda: ted(STATES, **FULL),
    "ted_margin": lambda: ted(STATES, loss_type="margin", similarity_type="auto"),
    "ted_full_dialogue": lambda: ted(STATES, full_dialogue=True),
    "ted_end_to_end": lambda: ted(TALKS, **END_TO_END),
    "ted_end_to_end_full": lambda: ted(TALKS, full_dialogue=True, constrain_similarities=True),
}
