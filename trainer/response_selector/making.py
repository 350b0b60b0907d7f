"""The response selector that belongs to a configuration and to what was learnt from the data."""

from __future__ import annotations

from data_pipeline.errors import InputError
from data_pipeline.responses.fitted_responses import FittedResponses
from data_pipeline.responses.response_texts import widths_of
from model.layers.feature_widths import FeatureWidths
from model.response_selector.response_selector import ResponseSelector
from model.response_selector.sizes import ResponseSelectorSizes
from trainer.response_selector.config import ResponseSelectorConfig
from trainer.training.precision import dtype_policy


def make_response_selector(
    config: ResponseSelectorConfig, fitted: FittedResponses, precision: str
) -> ResponseSelector:
    """An unbuilt response selector.

    Raises:
        InputError: the options do not fit the data.
    """
    try:
        return ResponseSelector(
            response_selector_sizes(fitted),
            config.response_selector,
            accumulate_steps=config.trainer.accumulate_steps,
            dtype=dtype_policy(precision),
        )
    except ValueError as error:
        raise InputError(str(error)) from None


def response_selector_sizes(fitted: FittedResponses) -> ResponseSelectorSizes:
    """What the selector must know of the data."""
    widths = FeatureWidths(**widths_of(fitted.pipeline))
    count = len(fitted.labels)
    if fitted.texts is not None:
        response = FeatureWidths(**(fitted.text_widths or {}))
        specs = response.text_spec("text")
        return ResponseSelectorSizes(
            text=widths,
            num_labels=count,
            response=response,
            response_features={
                key: fitted.texts[key].astype(spec.dtype.as_numpy_dtype)
                for key, spec in specs.items()
            },
        )
    keys = fitted.pipeline.label_features
    if keys.one_hot:
        return ResponseSelectorSizes(text=widths, num_labels=count)
    return ResponseSelectorSizes(
        text=widths, num_labels=count, key_features=keys.pairs(), key_width=keys.width
    )
