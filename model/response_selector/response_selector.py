"""The response selector: DIET that finds the response to a text, rather than its intent."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from model.batch import LABEL_SPEC, TOKEN_ID_SPEC, WEIGHT_SPEC, Batch
from model.diet.label_table import LabelTable
from model.encoders.text_encoder import EncodedText, TextEncoder, hidden_layers
from model.encoders.text_settings import TextSettings
from model.loss_term import LossTerm, Terms
from model.losses.dot_product_loss import DotProductLoss
from model.losses.label_choice import choice_terms, embedding, label_confidences
from model.losses.masked_language_model import TokenGuessing
from model.model_config import model_arguments, model_config
from model.noise import Noise
from model.options.layer_settings import loss_settings, text_settings
from model.replicas import ONE_REPLICA, Replicas
from model.response_selector.options import ResponseSelectorOptions
from model.response_selector.sizes import ResponseSelectorSizes
from model.weight_counts import weight_counts


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class ResponseSelector(keras.Model):
    """Rasa 3.6's `ResponseSelector`: texts and responses embedded side by side, and compared.

    A message goes through DIET's text encoder, by default without a transformer but with hidden
    layers. What stands for a response is either

    * its key, such as `faq/ask_hours`: the summed projections of the key's tokens and hidden
      layers, as for DIET's intents (Rasa's `DIET2BOW`); or
    * its text (`use_text_as_label`): a text encoder of its own, of which the row that stands for
      the whole text counts (Rasa's `DIET2DIET`); with `share_hidden_layers` the messages' encoder.

    All responses are encoded once per step; the batch's own are rows of that table. (Rasa encodes
    the batch's a second time, which differs only by dropout.) Rasa's `DIET2DIET` answers from the
    row of the last token, which its loss has never seen; here answers are from the whole text.

    Args:
        sizes: Widths of the data, and the features of all responses.
        options: Rasa's options.
        accumulate_steps: See `TextEncoder`.

    Call: a batch (see `model.batch`; only the text is looked at) -> a dictionary of

    * `response_confidences` `[batch, responses]` float32: the softmax over all responses, or with a
      margin loss the similarities.

    Raises:
        ValueError: Layers are to be shared that do not fit.

    >>> from model.layers.feature_widths import FeatureWidths
    >>> sizes = ResponseSelectorSizes(text=FeatureWidths(sequence=9, sentence=9), num_labels=3)
    >>> ResponseSelector(sizes, ResponseSelectorOptions()).build()
    """

    def __init__(
        self,
        sizes: ResponseSelectorSizes,
        options: ResponseSelectorOptions,
        *,
        accumulate_steps: int = 1,
        name: str = "response_selector",
        **kwargs: Any,
    ):
        # A fixed name, since the places of all noise are paths that begin with it.
        super().__init__(**{**kwargs, "autocast": False}, name=name)
        self.sizes = sizes
        self.options = options
        self.accumulate_steps = accumulate_steps
        if options.share_hidden_layers and sizes.by_text and sizes.text != sizes.response:
            raise ValueError(
                f"{options.title}: texts and responses can only share layers if their features "
                "are equally wide, as with `use_shared_vocab` of CountVectorsFeaturizer. "
                f"Received: {sizes.text} and {sizes.response}"
            )

    # --- Layers -----------------------------------------------------------------------------------

    def build(self, input_shape: object = None) -> None:
        """Create every variable; no data is needed."""
        options, dtype = self.options, self.dtype_policy
        # Labels know no input dropout, nor do texts that go through the same layers.
        shares_inputs = self.sizes.by_text and options.share_hidden_layers
        self.text = TextEncoder(
            self._settings("text", without_input_dropout=shares_inputs),
            accumulate_steps=self.accumulate_steps,
            dtype=dtype,
            name="text",
        )
        self.text.build()
        width = self._build_responses() if self.sizes.by_text else self._build_keys()
        self.embed_text = embedding(options, self.text.output_width, dtype, "embed_text")
        self.embed_label = embedding(options, width, dtype, "embed_label")
        self.response_loss = DotProductLoss(
            **loss_settings(options, scale_loss=options.scale_loss), name="response_loss"
        )
        self.response_loss.build()
        if options.use_masked_language_model:
            self.token_guessing = TokenGuessing(
                options.embedding_dimension,
                regularization=options.regularization_constant,
                loss=loss_settings(options, scale_loss=False),
                dtype=dtype,
                name="token_guessing",
            )
            self.token_guessing.build((None, self.text.output_width), (None, self.text.input_width))

    def _settings(self, attribute: str, *, without_input_dropout: bool) -> TextSettings:
        sizes, options = self.sizes, self.options
        settings = text_settings(
            options,
            attribute,
            (sizes.response or sizes.text) if attribute == "label" else sizes.text,
            transformer_size=options.text_transformer_size,
            number_of_transformer_layers=options.number_of_transformer_layers,
        )
        if without_input_dropout:
            settings = dataclasses.replace(
                settings, use_sparse_input_dropout=False, use_dense_input_dropout=False
            )
        if attribute == "label":
            settings = dataclasses.replace(settings, use_masked_language_model=False)
        return settings

    def _build_responses(self) -> int:
        """The encoder of responses' texts; returns the width of what comes out."""
        if self.options.share_hidden_layers:
            self.label_text = self.text
        else:
            settings = self._settings("label", without_input_dropout=True)
            self.label_text = TextEncoder(settings, dtype=self.dtype_policy, name="label_text")
            self.label_text.build()
        return self.label_text.output_width

    def _build_keys(self) -> int:
        """The table of responses' keys, and its hidden layers; returns their width."""
        sizes, options, dtype = self.sizes, self.options, self.dtype_policy
        self.label_table = LabelTable(
            sizes.key_features,
            width=sizes.key_width if sizes.key_features else sizes.num_labels,
            units=options.dense_dimension["label"],
            regularization=options.regularization_constant,
            dtype=dtype,
            name="label_table",
        )
        self.label_table.build()
        width = self.label_table.output_width
        if options.share_hidden_layers:
            self._check_shared_width(width)
            self.label_hidden = self.text.hidden
        else:
            widths = options.hidden_layers_sizes["label"]
            self.label_hidden = hidden_layers(widths, self.text.settings, dtype, "label_hidden")
            self.label_hidden.build((None, width))
        return self.label_hidden.output_width(width)

    def _check_shared_width(self, label_width: int) -> None:
        text_width = self.text.features.output_width
        if self.options.hidden_layers_sizes["text"] and text_width != label_width:
            raise ValueError(
                f"{self.options.title}: hidden layers can only be shared if texts and keys are "
                "equally wide; set `dense_dimension` accordingly. "
                f"Received: {text_width} for text, {label_width} for label"
            )

    # --- Batches ----------------------------------------------------------------------------------

    def input_signature(self) -> dict[str, tf.TensorSpec]:
        """What `call` needs."""
        return self.sizes.text.text_spec("text")

    def training_signature(self) -> dict[str, tf.TensorSpec]:
        """What `loss_terms` needs."""
        specs = {**self.input_signature(), **WEIGHT_SPEC, **LABEL_SPEC}
        return specs | TOKEN_ID_SPEC if self.options.use_masked_language_model else specs

    # --- Training ---------------------------------------------------------------------------------

    def loss_terms(
        self, batch: Batch, noise: Noise | None = None, replicas: Replicas = ONE_REPLICA
    ) -> Terms:
        """The losses of this replica's rows, and what to show.

        Without `noise` (evaluation) nothing is dropped, the draws of negatives are always the same,
        and there is no masked language model.

        Returns:
            Losses "response" and, if tokens are guessed, "mask"; metrics "response_accuracy" and
            "mask_accuracy", among the drawn negatives (Rasa's `r_acc`, `m_acc`).
        """
        return self._terms_of(
            self.text(batch, noise=noise, replicas=replicas), batch, noise, replicas
        )

    def _terms_of(
        self, text: EncodedText, batch: Batch, noise: Noise | None, replicas: Replicas
    ) -> Terms:
        losses: dict[str, LossTerm] = {}
        metrics: dict[str, LossTerm] = {}
        if text.chosen is not None:
            losses["mask"], metrics["mask_accuracy"] = self.token_guessing(
                text, batch["text_token_ids"], noise=noise, replicas=replicas
            )
        losses["response"], metrics["response_accuracy"] = choice_terms(
            self.response_loss,
            self.embed_text(text.sentences),
            self.label_embeddings(noise),
            batch,
            noise,
            replicas,
        )
        return Terms(losses, metrics)

    def label_embeddings(self, noise: Noise | None = None) -> tf.Tensor:
        """All responses, `[responses, embedding_dimension]`."""
        noise = noise and noise.within("labels")
        if self.sizes.by_text:
            batch = {k: tf.constant(v) for k, v in self.sizes.response_features.items()}
            rows = self.label_text(batch, noise=noise).sentences
        else:
            rows = self.label_hidden(self.label_table(tf.zeros([])), noise=noise)
        return self.embed_label(rows)

    def evaluation_terms(self, batch: Batch, replicas: Replicas = ONE_REPLICA) -> Terms:
        """The losses of this replica's rows without noise, and how many of the answers are right.

        Returns:
            Losses as of `loss_terms`; metric "response_accuracy" among all responses.
        """
        text = self.text(batch)
        best = tf.argmax(self._confidences(text), -1, tf.int32)
        right = tf.cast(best == batch["label_ids"], tf.float32)
        accuracy = LossTerm.of_rows(right, batch["example_weights"])
        losses = self._terms_of(text, batch, None, replicas).losses
        return Terms(losses, {"response_accuracy": accuracy})

    # --- Answers ----------------------------------------------------------------------------------

    def call(self, batch: Batch) -> dict[str, tf.Tensor]:
        return {"response_confidences": self._confidences(self.text(batch))}

    def _confidences(self, text: EncodedText) -> tf.Tensor:
        labels = self.label_embeddings()
        return label_confidences(self.embed_text(text.sentences), labels, self.options)

    # --- Size -------------------------------------------------------------------------------------

    def weight_counts(self) -> dict[str, int]:
        """How many trainable weights the built model has; see `model.weight_counts`."""
        return weight_counts(self, self.text.transformer)

    # --- Config -----------------------------------------------------------------------------------

    def get_config(self) -> dict:
        return model_config(self)

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> ResponseSelector:
        return cls(**model_arguments(config, ResponseSelectorSizes, ResponseSelectorOptions))
