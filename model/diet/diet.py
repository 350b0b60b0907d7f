"""DIET: one transformer that finds the intent of a text and the entities in it."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from model.batch import LABEL_SPEC, TOKEN_ID_SPEC, WEIGHT_SPEC, Batch, tag_spec
from model.diet.label_table import LabelTable
from model.diet.options import DIETOptions
from model.diet.sizes import DIETSizes
from model.encoders.text_encoder import EncodedText, TextEncoder, hidden_layers
from model.loss_term import LossTerm, Terms
from model.losses.dot_product_loss import DotProductLoss
from model.losses.label_choice import choice_terms, embedding, label_confidences
from model.losses.masked_language_model import TokenGuessing
from model.losses.tag_head import TagHead, tag_f1
from model.model_config import model_arguments, model_config
from model.noise import Noise
from model.options.layer_settings import loss_settings, text_settings
from model.replicas import ONE_REPLICA, Replicas
from model.weight_counts import weight_counts


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class DIET(keras.Model):
    """The Dual Intent and Entity Transformer (arXiv:2004.09936) as in Rasa 3.6.

    All labels are encoded once per step; the batch's own are rows of that table. (Rasa encodes the
    batch's labels a second time, which differs only by the dropout of hidden layers for labels.)

    Args:
        sizes: Widths and counts of the data.
        options: Rasa's options.
        accumulate_steps: See `TextEncoder`.

    Call: a batch (see `model.batch`; only the text is looked at) -> a dictionary of

    * `intent_confidences` `[batch, labels]` float32: the softmax over all labels, or with a margin
      loss the similarities;
    * `entity_tags` `[batch, time]` int32 and `entity_confidences` `[batch, time]` float32, and the
      same for `role` and `group`, whose heads are given the decoded entity tags.

    Raises:
        ValueError: There is nothing to learn with these sizes and options.

    >>> sizes = DIETSizes(text_sequence_width=9, label_width=3, label_one_hot=True)
    >>> model = DIET(sizes, DIETOptions())
    >>> model.build()
    """

    def __init__(
        self,
        sizes: DIETSizes,
        options: DIETOptions,
        *,
        accumulate_steps: int = 1,
        name: str = "diet",
        **kwargs: Any,
    ):
        # A fixed name, since the places of all noise are paths that begin with it.
        super().__init__(**{**kwargs, "autocast": False}, name=name)
        self.sizes = sizes
        self.options = options
        self.accumulate_steps = accumulate_steps
        self.learns_intents = options.intent_classification
        self.heads = sizes.heads if options.entity_recognition else ()
        if self.learns_intents and not sizes.num_labels:
            raise ValueError("DIET: there are no intents, but `intent_classification` is on.")
        if not (self.learns_intents or self.heads or options.use_masked_language_model):
            raise ValueError("DIET: there are neither intents nor entities to learn.")

    # --- Layers -----------------------------------------------------------------------------------

    def build(self, input_shape: object = None) -> None:
        """Create every variable; no data is needed."""
        options, dtype = self.options, self.dtype_policy
        settings = text_settings(
            options,
            "text",
            self.sizes.text_widths,
            transformer_size=options.text_transformer_size,
            number_of_transformer_layers=options.number_of_transformer_layers,
        )
        self.text = TextEncoder(
            settings, accumulate_steps=self.accumulate_steps, dtype=dtype, name="text"
        )
        self.text.build()
        if self.learns_intents:
            self._build_intents(options, dtype)
        self.tag_heads = [self._tag_head(head) for head in self.heads]
        if options.use_masked_language_model:
            self.token_guessing = TokenGuessing(
                options.embedding_dimension,
                regularization=options.regularization_constant,
                loss=loss_settings(options, scale_loss=False),
                dtype=dtype,
                name="token_guessing",
            )
            self.token_guessing.build((None, self.text.output_width), (None, self.text.input_width))

    def _build_intents(self, options: DIETOptions, dtype: Any) -> None:
        self.label_table = LabelTable(
            self.sizes.label_token_features,
            width=self.sizes.label_width,
            units=options.dense_dimension["label"],
            regularization=options.regularization_constant,
            dtype=dtype,
            name="label_table",
        )
        self.label_table.build()
        width = self.label_table.output_width
        if options.share_hidden_layers:
            self.label_hidden = self._shared_hidden(width)
        else:
            sizes = options.hidden_layers_sizes["label"]
            self.label_hidden = hidden_layers(sizes, self.text.settings, dtype, "label_hidden")
            self.label_hidden.build((None, width))
        self.embed_text = embedding(options, self.text.output_width, dtype, "embed_text")
        self.embed_label = embedding(
            options, self.label_hidden.output_width(width), dtype, "embed_label"
        )
        self.intent_loss = DotProductLoss(
            **loss_settings(options, scale_loss=options.scale_loss), name="intent_loss"
        )
        self.intent_loss.build()

    def _shared_hidden(self, label_width: int) -> keras.layers.Layer:
        text_width = self.text.features.output_width
        if self.options.hidden_layers_sizes["text"] and text_width != label_width:
            raise ValueError(
                "DIET: hidden layers can only be shared if texts and labels are equally wide; set "
                "`dense_dimension` accordingly. "
                f"Received: {text_width} for text, {label_width} for label"
            )
        return self.text.hidden

    def _tag_head(self, head: str) -> TagHead:
        options = self.options
        layer = TagHead(
            self.sizes.num_tags[head],
            num_given_tags=0 if head == "entity" else self.sizes.num_tags["entity"],
            embedding_dimension=options.embedding_dimension,
            regularization=options.regularization_constant,
            scale_loss=options.scale_loss,
            confidence=options.entity_confidence,
            dtype=self.dtype_policy,
            name=f"{head}_head",
        )
        layer.build((None, self.text.output_width))
        return layer

    # --- Batches ----------------------------------------------------------------------------------

    def input_signature(self) -> dict[str, tf.TensorSpec]:
        """What `call` needs."""
        return self.sizes.text_widths.text_spec("text")

    def training_signature(self) -> dict[str, tf.TensorSpec]:
        """What `loss_terms` needs."""
        specs = {**self.input_signature(), **WEIGHT_SPEC}
        if self.learns_intents:
            specs |= LABEL_SPEC
        for head in self.heads:
            specs |= tag_spec(head)
        return specs | TOKEN_ID_SPEC if self.options.use_masked_language_model else specs

    # --- Training ---------------------------------------------------------------------------------

    def loss_terms(
        self, batch: Batch, noise: Noise | None = None, replicas: Replicas = ONE_REPLICA
    ) -> Terms:
        """The losses of this replica's rows, and what to show.

        Without `noise` (evaluation) nothing is dropped, the draws of negatives are always the same,
        and there is no masked language model.

        Returns:
            Losses "intent", "entity", "role", "group", "mask", as far as they are learnt; metrics
            "intent_accuracy" and "mask_accuracy", among the drawn negatives (Rasa's `i_acc`,
            `m_acc`).
        """
        text = self.text(batch, noise=noise, replicas=replicas)
        return self._terms_of(text, batch, noise, replicas)

    def _terms_of(
        self, text: EncodedText, batch: Batch, noise: Noise | None, replicas: Replicas
    ) -> Terms:
        losses: dict[str, LossTerm] = {}
        metrics: dict[str, LossTerm] = {}
        if text.chosen is not None:
            losses["mask"], metrics["mask_accuracy"] = self.token_guessing(
                text, batch["text_token_ids"], noise=noise, replicas=replicas
            )
        if self.learns_intents:
            losses["intent"], metrics["intent_accuracy"] = self._intent_terms(
                text, batch, noise, replicas
            )
        for head, layer in zip(self.heads, self.tag_heads, strict=True):
            losses[head] = layer.loss(
                text.rows,
                text.places,
                batch[f"{head}_tags"],
                batch["example_weights"],
                None if head == "entity" else batch["entity_tags"],
                replicas,
            )
        return Terms(losses, metrics)

    def _intent_terms(
        self, text: EncodedText, batch: Batch, noise: Noise | None, replicas: Replicas
    ) -> tuple[LossTerm, LossTerm]:
        return choice_terms(
            self.intent_loss,
            self.embed_text(text.sentences),
            self.label_embeddings(noise),
            batch,
            noise,
            replicas,
        )

    def label_embeddings(self, noise: Noise | None = None) -> tf.Tensor:
        """All labels, `[labels, embedding_dimension]`; none if intents are not learnt."""
        if not self.learns_intents:
            return tf.zeros([0, self.options.embedding_dimension])
        noise = noise and noise.within("labels")
        hidden = self.label_hidden(self.label_table(tf.zeros([])), noise=noise)
        return self.embed_label(hidden)

    def evaluation_terms(self, batch: Batch, replicas: Replicas = ONE_REPLICA) -> Terms:
        """The losses of this replica's rows without noise, and how many of the answers are right.

        Rasa's validation metrics (`i_acc`, `e_f1`, `r_f1`, `g_f1`) are for the training graph:
        intents among drawn negatives, roles and groups given the true entities. These are for
        `call`.

        Returns:
            Losses as of `loss_terms`; metrics "intent_accuracy" among all labels and, per head
            there is, "entity_f1", "role_f1", "group_f1".
        """
        text = self.text(batch)
        answers = self._answers(text, batch)
        metrics: dict[str, LossTerm] = {}
        if self.learns_intents:
            best = tf.argmax(answers["intent_confidences"], -1, tf.int32)
            right = tf.cast(best == batch["label_ids"], tf.float32)
            metrics["intent_accuracy"] = LossTerm.of_rows(right, batch["example_weights"])
        for head in self.heads:
            metrics[f"{head}_f1"] = tag_f1(answers[f"{head}_tags"], batch[f"{head}_tags"])
        return Terms(self._terms_of(text, batch, None, replicas).losses, metrics)

    # --- Answers ----------------------------------------------------------------------------------

    def call(self, batch: Batch) -> dict[str, tf.Tensor]:
        return self._answers(self.text(batch), batch)

    def _answers(self, text: EncodedText, batch: Batch) -> dict[str, tf.Tensor]:
        answers = {}
        if self.learns_intents:
            inputs, labels = self.embed_text(text.sentences), self.label_embeddings()
            answers["intent_confidences"] = label_confidences(inputs, labels, self.options)
        time = tf.shape(batch["text_mask"])[1]
        for head, layer in zip(self.heads, self.tag_heads, strict=True):
            given = None if head == "entity" else answers["entity_tags"]
            tags, confidences = layer(text.rows, text.places, time, given)
            answers |= {f"{head}_tags": tags, f"{head}_confidences": confidences}
        return answers

    # --- Size -------------------------------------------------------------------------------------

    def weight_counts(self) -> dict[str, int]:
        """How many trainable weights the built model has; see `model.weight_counts`."""
        return weight_counts(self, self.text.transformer)

    # --- Config -----------------------------------------------------------------------------------

    def get_config(self) -> dict:
        return model_config(self)

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict[str, Any] | None = None) -> DIET:
        return cls(**model_arguments(config, DIETSizes, DIETOptions))
