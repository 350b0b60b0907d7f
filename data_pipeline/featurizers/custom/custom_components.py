"""Makes the tokenizers and featurizers of a pipeline that are neither Rasa's nor ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from data_pipeline.errors import InputError
from data_pipeline.featurizers.custom.custom_featurizer import CustomFeaturizer
from data_pipeline.featurizers.custom.finding import CustomClass, Kind, find_custom
from data_pipeline.featurizers.custom.rasa_components import RasaFeaturizer, RasaTokenizer
from data_pipeline.featurizers.featurizer import Featurizer
from data_pipeline.tokenizers.custom_tokenizer import CustomTokenizer
from data_pipeline.tokenizers.languages import check_language
from data_pipeline.tokenizers.tokenizer import Tokenizer


def custom_component(
    path: str, options: Mapping[str, Any], language: str | None = None
) -> Tokenizer | Featurizer | None:
    """The component whose class `path` names; None if it is of no use for features.

    Raises:
        InputError: there is no such class, it cannot be made, or it does not serve the language.
    """
    found = find_custom(path)
    if found is None:
        return None
    if found.written_for_rasa:
        of_rasa = found.component
        only, never = of_rasa.supported_languages(), of_rasa.not_supported_languages()
        check_language(path, only, never, language)
    return _tokenizer(found, options) if found.kind == "tokenizer" else _featurizer(found, options)


def restored_tokenizer(path: str, options: Mapping[str, Any]) -> CustomTokenizer:
    """The tokenizer of a trained model again (`InputError` as `custom_component`)."""
    return _tokenizer(_found_again(path, "tokenizer"), options)


def restored_featurizer(
    path: str, options: Mapping[str, Any], state: Mapping[str, Any]
) -> CustomFeaturizer:
    """The featurizer of a trained model again (`InputError` as `custom_component`)."""
    return _featurizer(_found_again(path, "featurizer"), options).with_state(state)


def _found_again(path: str, kind: Kind) -> CustomClass:
    found = find_custom(path)
    if found is None or found.kind != kind:
        raise InputError(
            f"pipeline: {path} was a {kind} when this was trained, and is not any more"
        )
    return found


def _tokenizer(found: CustomClass, options: Mapping[str, Any]) -> CustomTokenizer:
    return CustomTokenizer(found.path, found.component, _maker(found, RasaTokenizer), options)


def _featurizer(found: CustomClass, options: Mapping[str, Any]) -> CustomFeaturizer:
    return CustomFeaturizer(found.path, found.component, _maker(found, RasaFeaturizer), options)


def _maker(found: CustomClass, for_rasa: Callable[..., Any]) -> Callable[[dict[str, Any]], Any]:
    if found.written_for_rasa:
        return partial(for_rasa, found.path, found.component)
    return partial(_made, found)


def _made(found: CustomClass, options: dict[str, Any]) -> Any:
    try:
        return found.component(**options)
    except Exception as error:  # somebody else's component may fail in any way
        raise InputError(
            f"pipeline: the component {found.path} cannot be made from its options {options!r}: "
            f"{type(error).__name__}: {error}"
        ) from error
