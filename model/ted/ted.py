"""TED: one transformer over the turns of a dialogue that finds the next action."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from model.batch import Batch
from model.layers.dense import Embed
from model.layers.packing import Packing
from model.loss_term import LossTerm, Terms
from model.losses.dot_product_loss import (
    Candidates,
    DotProductLoss,
    Pairs,
    Rows,
    similarity,
)
from model.losses.tag_head import TagHead, tag_f1
from model.model_config import model_arguments, model_config
from model.noise import Noise
from model.options.layer_settings import loss_settings
from model.replicas import ONE_REPLICA, GlobalRows, Replicas, gather_rows
from model.ted.batch import (
    ATTRIBUTES,
    DIALOGUE_SPEC,
    NO_LABEL,
    TAG_SPEC,
    TRAINING_SPEC,
    attribute_spec,
)
from model.ted.encoders import dialogue_encoder, turn_encoder
from model.ted.label_table import LabelTable
from model.ted.options import TEDOptions
from model.ted.sizes import TEDSizes
from model.ted.tagged_texts import TaggedTexts, last_turns, texts_of_turns
from model.ted.turn_encoders import turn_vectors
from model.weight_counts import weight_counts


class EncodedDialogues(NamedTuple):
    """A batch of dialogues after the encoder.

    Attributes:
        contexts: `[rows, units]`, what actions are predicted from: one row per example, in full
            dialogues one per turn.
        packing: Of the turns.
        texts: What entities are predicted from; None if none are.
    """

    contexts: tf.Tensor
    packing: Packing
    texts: TaggedTexts | None


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class TED(keras.Model):
    """The Transformer Embedding Dialogue policy (arXiv:1910.00486) as in Rasa 3.6.

    Args:
        sizes: Widths and counts of the data, and the features of all actions.
        options: Rasa's options.
        accumulate_steps: See `TextEncoder`; of the encoders of turns' texts and of dialogues.

    Call: a batch (see `model.ted.batch`; labels, weights and tags are not looked at) -> a
    dictionary of what follows from the last turn of each example:

    * `action_confidences` `[batch, actions]` float32: the softmax over all actions, or with a
      margin loss the similarities;
    * `action_similarities` `[batch, actions]` float32;
    * `entity_tags` `[texts, time]` int32 and `entity_confidences` `[texts, time]` float32, if
      entities are learnt: those of the texts in last turns, in the order of `text_turns`.

    >>> from model.layers.feature_widths import FeatureWidths
    >>> from model.ted.labels import Labels
    >>> widths = FeatureWidths(sentence=4)
    >>> attributes = {"intent": widths, "action_name": widths}
    >>> sizes = TEDSizes(attributes=attributes, labels=Labels("action_name", 4))
    >>> TED(sizes, TEDOptions()).build()
    """

    def __init__(
        self,
        sizes: TEDSizes,
        options: TEDOptions,
        *,
        accumulate_steps: int = 1,
        name: str = "ted",
        **kwargs: Any,
    ):
        # A fixed name, since the places of all noise are paths that begin with it.
        super().__init__(**{**kwargs, "autocast": False}, name=name)
        self.sizes = sizes
        self.options = options
        self.accumulate_steps = accumulate_steps
        self.attributes = tuple(a for a in ATTRIBUTES if a in sizes.attributes)
        texts = "text" in self.attributes
        self.learns_entities = bool(options.entity_recognition and sizes.num_tags and texts)

    # --- Layers -----------------------------------------------------------------------------------

    def build(self, input_shape: object = None) -> None:
        """Create every variable; no data is needed."""
        options, dtype, parts = self.options, self.dtype_policy, self.accumulate_steps
        widths = self.sizes.attributes
        self.encoders = [turn_encoder(a, widths[a], options, parts, dtype) for a in self.attributes]
        states = sum(self._encoder(name).output_width for name in self.sizes.state_attributes)
        width = 2 * options.encoding_dimension + states
        self.dialogue = dialogue_encoder(options, parts, dtype)
        self.dialogue.build((None, width))
        width = self.dialogue.output_width(width)
        self.embed_dialogue = Embed(
            options.embedding_dimension,
            regularization=options.regularization_constant,
            dtype=dtype,
            name="embed_dialogue",
        )
        self.embed_dialogue.build((None, width))
        self.action_table = LabelTable(self.sizes.labels, options, dtype=dtype, name="action_table")
        self.action_table.build()
        self.action_loss = DotProductLoss(
            **loss_settings(options, scale_loss=options.scale_loss), name="action_loss"
        )
        self.action_loss.build()
        if self.learns_entities:
            self.entity_head = TagHead(
                self.sizes.num_tags,
                regularization=options.regularization_constant,
                scale_loss=options.scale_loss,
                confidence=options.entity_confidence,
                dtype=dtype,
                name="entity_head",
            )
            self.entity_head.build((None, self._encoder("text").text.output_width + width))

    def _encoder(self, attribute: str) -> keras.layers.Layer:
        return self.encoders[self.attributes.index(attribute)]

    # --- Batches ----------------------------------------------------------------------------------

    def input_signature(self) -> dict[str, tf.TensorSpec]:
        """What `call` needs."""
        specs = dict(DIALOGUE_SPEC)
        for attribute in self.attributes:
            specs |= attribute_spec(attribute, self.sizes.attributes[attribute])
        return specs

    def training_signature(self) -> dict[str, tf.TensorSpec]:
        """What `loss_terms` needs."""
        specs = {**self.input_signature(), **TRAINING_SPEC}
        return specs | TAG_SPEC if self.learns_entities else specs

    # --- Training ---------------------------------------------------------------------------------

    def loss_terms(
        self, batch: Batch, noise: Noise | None = None, replicas: Replicas = ONE_REPLICA
    ) -> Terms:
        """The losses of this replica's rows, and what to show.

        Without `noise` (evaluation) nothing is dropped, and the draws of negatives are always the
        same. In full dialogues a dialogue's loss is the mean over its turns.

        Returns:
            Losses "action" and, if entities are learnt, "entity"; metric "action_accuracy", among
            the drawn negatives (Rasa's `acc`).
        """
        dialogues = self._encode(batch, noise, replicas)
        losses, accuracy = self._terms_of(dialogues, batch, noise, replicas)
        return Terms(losses, {"action_accuracy": accuracy})

    def _terms_of(
        self, dialogues: EncodedDialogues, batch: Batch, noise: Noise | None, replicas: Replicas
    ) -> tuple[dict[str, LossTerm], LossTerm]:
        action, accuracy = self._action_terms(dialogues, batch, noise, replicas)
        losses = {"action": action}
        if (texts := dialogues.texts) is not None:
            tags = batch["entity_tags"]
            weights = tf.ones_like(tags[:, 0], tf.float32)
            losses["entity"] = self.entity_head.loss(
                texts.rows, texts.places, tags, weights, replicas=replicas
            )
        return losses, accuracy

    def _encode(self, batch: Batch, noise: Noise | None, replicas: Replicas) -> EncodedDialogues:
        lengths = batch["dialogue_lengths"]
        packing = Packing.of_lengths(lengths, tf.reduce_max(lengths))
        turns = tf.reduce_sum(lengths)
        encoded = {
            name: encoder(batch, turns, noise=noise, replicas=replicas)
            for name, encoder in zip(self.attributes, self.encoders, strict=True)
        }
        rows = turn_vectors(encoded, self.sizes.state_attributes)
        contexts = self.dialogue(rows, packing, noise=noise)
        texts = None
        if self.learns_entities:
            texts = texts_of_turns(
                encoded["text"].text,
                batch["text_mask"],
                batch["text_turns"],
                contexts,
                packing,
                has_sentence=self._encoder("text").text.features.has_sentence,
                full_dialogue=self.options.full_dialogue,
            )
        return EncodedDialogues(contexts, packing, texts)

    def _action_terms(
        self, dialogues: EncodedDialogues, batch: Batch, noise: Noise | None, replicas: Replicas
    ) -> tuple[LossTerm, LossTerm]:
        ids, weights = batch["label_ids"], self._weights(batch, dialogues.packing)
        learnt = tf.where(ids != NO_LABEL)[:, 0]
        contexts, ids, weights = (
            tf.gather(of, learnt) for of in (dialogues.contexts, ids, weights)
        )
        inputs = tf.cast(self.embed_dialogue(contexts), tf.float32)
        is_real = tf.cast(weights != 0, tf.int32)
        everyone = gather_rows([inputs, ids, is_real], replicas)
        of_all, ids_of_all, are_real = everyone.tensors
        labels = self._candidates(ids, everyone, noise)
        own = tf.gather(labels.embeddings, labels.places(ids))
        return self.action_loss(
            Pairs(inputs, own, ids, weights, everyone.first, everyone.count),
            labels,
            Candidates(of_all, ids_of_all, tf.reduce_sum(are_real)),
            noise=noise,
            replicas=replicas,
        )

    def _candidates(self, ids: tf.Tensor, everyone: GlobalRows, noise: Noise | None) -> Candidates:
        """The labels; of many only those that the loss looks at, `ids` and what it draws."""
        labels = self.sizes.labels
        limit = tf.constant(labels.count)
        if not labels.are_many:
            return Candidates(self.label_embeddings(noise), tf.range(labels.count), limit)
        rows = Rows(everyone.first, tf.shape(ids)[0], everyone.count)
        drawn = self.action_loss.draw("labels", limit, rows, noise)
        held = tf.sort(tf.unique(tf.concat([ids, tf.reshape(drawn, [-1])], 0)).y)
        embeddings = self.action_table(labels.some(held), tf.size(held), noise=noise)
        return Candidates(embeddings, held, limit, held)

    def label_embeddings(self, noise: Noise | None = None) -> tf.Tensor:
        """All actions, `[labels, embedding_dimension]` float32."""
        return self.action_table.all_labels(noise)

    def _weights(self, batch: Batch, packing: Packing) -> tf.Tensor:
        """How much each row of `contexts` counts: those of a dialogue sum to its weight."""
        weights = batch["example_weights"]
        if not self.options.full_dialogue:
            return weights
        dialogues = packing.cells[:, 0]
        learnt = tf.cast(batch["label_ids"] != NO_LABEL, tf.float32)
        counts = tf.math.unsorted_segment_sum(learnt, dialogues, tf.shape(weights)[0])
        return learnt * tf.gather(tf.math.divide_no_nan(weights, counts), dialogues)

    def evaluation_terms(self, batch: Batch, replicas: Replicas = ONE_REPLICA) -> Terms:
        """The losses of this replica's rows without noise, and how many of the answers are right.

        Returns:
            Losses as of `loss_terms`; metrics "action_accuracy" among all actions and, if entities
            are learnt, "entity_f1".
        """
        dialogues = self._encode(batch, None, replicas)
        losses, _ = self._terms_of(dialogues, batch, None, replicas)
        answers = self._answers(dialogues)
        best = tf.argmax(answers["action_confidences"], -1, tf.int32)
        right = tf.cast(best == batch["label_ids"], tf.float32)
        weights = self._weights(batch, dialogues.packing)
        metrics = {"action_accuracy": LossTerm.of_rows(right, weights)}
        if self.learns_entities:
            metrics["entity_f1"] = tag_f1(answers["entity_tags"], batch["entity_tags"])
        return Terms(losses, metrics)

    # --- Answers ----------------------------------------------------------------------------------

    def call(self, batch: Batch) -> dict[str, tf.Tensor]:
        dialogues = self._encode(batch, None, ONE_REPLICA)
        if not self.options.full_dialogue:
            return self._answers(dialogues)
        packing, texts = dialogues.packing, dialogues.texts
        last = dialogues._replace(
            contexts=tf.gather(dialogues.contexts, packing.starts + packing.lengths - 1)
        )
        answers = self._answers(last)
        if texts is not None:
            current = last_turns(texts.turns, packing)
            for key in ("entity_tags", "entity_confidences"):
                answers[key] = tf.boolean_mask(answers[key], current)
        return answers

    def _answers(self, dialogues: EncodedDialogues) -> dict[str, tf.Tensor]:
        """What follows from every row of `contexts`, and the tags of all `texts`."""
        inputs = self.embed_dialogue(dialogues.contexts)
        labels = self.label_embeddings()
        scores = similarity(inputs[:, None], labels[None], self.options.model_similarity)
        softmax = self.options.confidences_are_softmax
        answers = {
            "action_confidences": tf.nn.softmax(scores) if softmax else scores,
            "action_similarities": scores,
        }
        if (texts := dialogues.texts) is not None:
            tags, confidences = self.entity_head(texts.rows, texts.places, texts.time)
            answers |= {"entity_tags": tags, "entity_confidences": confidences}
        return answers

    # --- Size -------------------------------------------------------------------------------------

    def weight_counts(self) -> dict[str, int]:
        """How many trainable weights the built model has; see `model.weight_counts`."""
        return weight_counts(self, self.dialogue.transformer)

    # --- Config -----------------------------------------------------------------------------------

    def get_config(self) -> dict:
        return model_config(self)

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict[str, Any] | None = None) -> TED:
        return cls(**model_arguments(config, TEDSizes, TEDOptions))
