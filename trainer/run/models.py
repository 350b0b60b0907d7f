"""The model that belongs to a configuration and to what was learnt from the data."""

from __future__ import annotations

from pathlib import Path

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.errors import InputError
from data_pipeline.messages.fitted_pipeline import FittedPipeline
from model.diet.diet import DIET
from model.diet.sizes import DIETSizes
from model.ted.ted import TED
from trainer.checkpoints.checkpoint import load_variables, read_position
from trainer.config.run_config import DIETConfig, Fitted, RunConfig, TEDConfig
from trainer.ted.sizes_of_dialogues import ted_sizes
from trainer.training.optimizer import make_optimizer


def diet_sizes(pipeline: FittedPipeline) -> DIETSizes:
    """What DIET must know of the data."""
    labels = pipeline.label_features
    features = tuple(
        tuple(tuple(zip(c, v, strict=True)) for c, v in zip(columns, values, strict=True))
        for columns, values in zip(labels.columns, labels.values, strict=True)
    )
    return DIETSizes(
        text_sequence_width=pipeline.sequence_width,
        text_sentence_width=pipeline.sentence_width,
        text_sequence_dense_width=pipeline.dense_width,
        text_sentence_dense_width=pipeline.dense_width,
        label_token_features=() if labels.one_hot else features,
        label_width=labels.width,
        label_one_hot=labels.one_hot,
        num_tags=pipeline.tags.num_tags,
    )


def load_model(checkpoint: Path, config: RunConfig, fitted: Fitted) -> DIET | TED:
    """The trained model of a checkpoint, in float32.

    Raises:
        InputError: the checkpoint is damaged, or of another configuration.
    """
    model = make_model(config, fitted, "float32")
    model.build()
    load_variables(checkpoint, "model", model.variables)
    if read_position(checkpoint).step_in_epoch > 0:
        # Written in the middle of an epoch, when rows of wide kernels may be behind.
        optimizer = make_optimizer(model, config.options.learning_rate)
        load_variables(checkpoint, "optimizer", optimizer.variables)
        optimizer.bring_up_to_date()
    return model


def make_model(config: RunConfig, fitted: Fitted, precision: str) -> DIET | TED:
    """An unbuilt model.

    Raises:
        InputError: the options do not fit the data.
    """
    make = {DIETConfig.model: make_diet, TEDConfig.model: make_ted}[config.model]
    return make(config, fitted, precision)


def make_diet(config: DIETConfig, pipeline: FittedPipeline, precision: str) -> DIET:
    """An unbuilt DIET.

    Raises:
        InputError: the options do not fit the data.
    """
    try:
        return DIET(
            diet_sizes(pipeline),
            config.diet,
            accumulate_steps=config.trainer.accumulate_steps,
            dtype=precision,
        )
    except ValueError as error:
        raise InputError(str(error)) from None


def make_ted(config: TEDConfig, featurizer: DialogueFeaturizer, precision: str) -> TED:
    """An unbuilt TED.

    Raises:
        InputError: the options do not fit the data.
    """
    try:
        return TED(
            ted_sizes(featurizer),
            config.ted,
            accumulate_steps=config.trainer.accumulate_steps,
            dtype=precision,
        )
    except ValueError as error:
        raise InputError(str(error)) from None
