"""The DIET that belongs to a configuration and to what was learnt from the data."""

from __future__ import annotations

from data_pipeline.errors import InputError
from data_pipeline.messages.fitted_pipeline import FittedPipeline
from model.diet.diet import DIET
from model.diet.sizes import DIETSizes
from trainer.diet.config import DIETConfig
from trainer.training.precision import dtype_policy


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
            dtype=dtype_policy(precision),
        )
    except ValueError as error:
        raise InputError(str(error)) from None


def diet_sizes(pipeline: FittedPipeline) -> DIETSizes:
    """What DIET must know of the data."""
    labels = pipeline.label_features
    return DIETSizes(
        text_sequence_width=pipeline.sequence_width,
        text_sentence_width=pipeline.sentence_width,
        text_sequence_dense_width=pipeline.dense_width,
        text_sentence_dense_width=pipeline.sentence_dense_width,
        label_token_features=() if labels.one_hot else labels.pairs(),
        label_width=labels.width,
        label_one_hot=labels.one_hot,
        num_tags=pipeline.tags.num_tags,
    )
