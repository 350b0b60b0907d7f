"""TED that tells which intents may follow, rather than which action."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from model.batch import Batch
from model.layers.dense import Embed
from model.layers.packing import Packing
from model.loss_term import LossTerm, Terms
from model.losses.dot_product_loss import similarity
from model.losses.label_sets import LabelSetLoss
from model.model_config import model_arguments, model_config
from model.noise import Noise
from model.replicas import ONE_REPLICA, Replicas
from model.ted.batch import DIALOGUE_SPEC, attribute_spec
from model.ted.encoders import dialogue_encoder, turn_encoder
from model.ted.label_table import LabelTable
from model.ted.turn_encoders import turn_vectors
from model.unexpected_intent.batch import ROW_ATTRIBUTES, TRAINING_SPEC
from model.unexpected_intent.options import UnexpectedIntentOptions
from model.unexpected_intent.sizes import UnexpectedIntentSizes
from model.weight_counts import weight_counts


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class UnexpectedIntent(keras.Model):
    """The model of Rasa 3.6's `UnexpecTEDIntentPolicy` (`IntentTED`).

    TED's encoders of turns and of dialogues, with intents as labels: an example is a dialogue up to
    the bot's last action before the user speaks, and has all intents that stories go on with.

    Args:
        sizes: Widths and counts of the data, and the features of all intents.
        options: Rasa's options.
        accumulate_steps: See `TextEncoder`; of the encoder of dialogues.

    Call: a batch (see `model.unexpected_intent.batch`; labels and weights are not looked at) -> a
    dictionary of what follows from the last turn of each example:

    * `intent_similarities` `[batch, intents]` float32, which thresholds are for;
    * `intent_confidences` `[batch, intents]` float32: their softmax.

    >>> from model.layers.feature_widths import FeatureWidths
    >>> from model.ted.labels import Labels
    >>> widths = FeatureWidths(sentence=4)
    >>> attributes = {"intent": widths, "action_name": widths}
    >>> sizes = UnexpectedIntentSizes(attributes=attributes, labels=Labels("intent", 4))
    >>> UnexpectedIntent(sizes, UnexpectedIntentOptions()).build()
    """

    def __init__(
        self,
        sizes: UnexpectedIntentSizes,
        options: UnexpectedIntentOptions,
        *,
        accumulate_steps: int = 1,
        name: str = "unexpected_intent",
        **kwargs: Any,
    ):
        # A fixed name, since the places of all noise are paths that begin with it.
        super().__init__(**{**kwargs, "autocast": False}, name=name)
        self.sizes = sizes
        self.options = options
        self.accumulate_steps = accumulate_steps
        self.attributes = tuple(a for a in ROW_ATTRIBUTES if a in sizes.attributes)

    # --- Layers -----------------------------------------------------------------------------------

    def build(self, input_shape: object = None) -> None:
        """Create every variable; no data is needed."""
        options, dtype, parts = self.options, self.dtype_policy, self.accumulate_steps
        widths = self.sizes.attributes
        self.encoders = [turn_encoder(a, widths[a], options, parts, dtype) for a in self.attributes]
        of = dict(zip(self.attributes, self.encoders, strict=True))
        states = sum(of[name].output_width for name in self.sizes.state_attributes)
        width = 2 * options.encoding_dimension + states
        self.dialogue = dialogue_encoder(options, parts, dtype)
        self.dialogue.build((None, width))
        self.embed_dialogue = Embed(
            options.embedding_dimension,
            regularization=options.regularization_constant,
            dtype=dtype,
            name="embed_dialogue",
        )
        self.embed_dialogue.build((None, self.dialogue.output_width(width)))
        self.intent_table = LabelTable(self.sizes.labels, options, dtype=dtype, name="intent_table")
        self.intent_table.build()
        self.intent_loss = LabelSetLoss(
            num_candidates=options.number_of_negative_examples,
            scale_loss=options.scale_loss,
            name="intent_loss",
        )
        self.intent_loss.build()

    # --- Batches ----------------------------------------------------------------------------------

    def input_signature(self) -> dict[str, tf.TensorSpec]:
        """What `call` needs."""
        specs = dict(DIALOGUE_SPEC)
        for attribute in self.attributes:
            specs |= attribute_spec(attribute, self.sizes.attributes[attribute])
        return specs

    def training_signature(self) -> dict[str, tf.TensorSpec]:
        """What `loss_terms` needs."""
        return {**self.input_signature(), **TRAINING_SPEC}

    # --- Training ---------------------------------------------------------------------------------

    def loss_terms(
        self, batch: Batch, noise: Noise | None = None, replicas: Replicas = ONE_REPLICA
    ) -> Terms:
        """The loss of this replica's rows, and what to show.

        Without `noise` (evaluation) nothing is dropped, and the draws of intents are always the
        same.

        Returns:
            Loss "intent"; metric "intent_accuracy": of all questions whether an intent may follow,
            the share that is answered rightly (Rasa's `acc`).
        """
        return self._terms_of(self._embedded(batch, noise, replicas), batch, noise, replicas)

    def _terms_of(
        self, inputs: tf.Tensor, batch: Batch, noise: Noise | None, replicas: Replicas
    ) -> Terms:
        labels = self.label_embeddings(noise)
        ids, weights = batch["intent_ids"], batch["example_weights"]
        loss, accuracy = self.intent_loss(
            inputs, labels, ids, weights, noise=noise, replicas=replicas
        )
        return Terms({"intent": loss}, {"intent_accuracy": accuracy})

    def label_embeddings(self, noise: Noise | None = None) -> tf.Tensor:
        """All intents, `[labels, embedding_dimension]` float32."""
        return self.intent_table.all_labels(noise)

    def _embedded(self, batch: Batch, noise: Noise | None, replicas: Replicas) -> tf.Tensor:
        """The dialogues, `[batch, embedding_dimension]` float32."""
        lengths = batch["dialogue_lengths"]
        packing = Packing.of_lengths(lengths, tf.reduce_max(lengths))
        turns = tf.reduce_sum(lengths)
        encoded = {
            name: encoder(batch, turns, noise=noise, replicas=replicas)
            for name, encoder in zip(self.attributes, self.encoders, strict=True)
        }
        rows = turn_vectors(encoded, self.sizes.state_attributes)
        contexts = self.dialogue(rows, packing, noise=noise)
        return tf.cast(self.embed_dialogue(contexts), tf.float32)

    def evaluation_terms(self, batch: Batch, replicas: Replicas = ONE_REPLICA) -> Terms:
        """The loss of this replica's rows without noise, and how many of the answers are right.

        Returns:
            Loss as of `loss_terms`; metric "intent_accuracy": the share of examples whose most
            similar intent is one that may follow.
        """
        inputs = self._embedded(batch, None, replicas)
        best = tf.argmax(self._similarities(inputs), -1, tf.int32)
        right = tf.reduce_any(batch["intent_ids"] == best[:, None], 1)
        accuracy = LossTerm.of_rows(tf.cast(right, tf.float32), batch["example_weights"])
        losses = self._terms_of(inputs, batch, None, replicas).losses
        return Terms(losses, {"intent_accuracy": accuracy})

    # --- Answers ----------------------------------------------------------------------------------

    def call(self, batch: Batch) -> dict[str, tf.Tensor]:
        similarities = self._similarities(self._embedded(batch, None, ONE_REPLICA))
        return {
            "intent_similarities": similarities,
            "intent_confidences": tf.nn.softmax(similarities),
        }

    def _similarities(self, inputs: tf.Tensor) -> tf.Tensor:
        labels = self.label_embeddings()
        return similarity(inputs[:, None], labels[None], "inner")

    # --- Size -------------------------------------------------------------------------------------

    def weight_counts(self) -> dict[str, int]:
        """How many trainable weights the built model has; see `model.weight_counts`."""
        return weight_counts(self, self.dialogue.transformer)

    # --- Config -----------------------------------------------------------------------------------

    def get_config(self) -> dict:
        return model_config(self)

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> UnexpectedIntent:
        return cls(**model_arguments(config, UnexpectedIntentSizes, UnexpectedIntentOptions))
