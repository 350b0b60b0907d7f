"""Builds tokenizer and featurizers from the `pipeline:` list of a Rasa configuration."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_pipeline.errors import InputError
from data_pipeline.featurizers.component_options import read_options
from data_pipeline.featurizers.count_vectors import CountVectorsFeaturizer
from data_pipeline.featurizers.dense.word_vectors import WordVectorsFeaturizer
from data_pipeline.featurizers.featurizer import Featurizer
from data_pipeline.featurizers.lexical_syntactic import LexicalSyntacticFeaturizer
from data_pipeline.featurizers.regex_featurizer import RegexFeaturizer
from data_pipeline.tokenizers.whitespace import NAME as TOKENIZER
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer, WhitespaceTokenizerOptions

logger = logging.getLogger(__name__)

FEATURIZERS: dict[str, type[Featurizer]] = {
    kind.name: kind
    for kind in (
        CountVectorsFeaturizer,
        LexicalSyntacticFeaturizer,
        RegexFeaturizer,
        WordVectorsFeaturizer,
    )
}
RETIRED_OPTIONS = {
    TOKENIZER: ("case_sensitive",),
    RegexFeaturizer.name: ("number_additional_patterns",),
    CountVectorsFeaturizer.name: ("additional_vocabulary_size",),
}
"""Options of Rasa 1 and 2 that Rasa 3 no longer obeys."""


@dataclass(frozen=True)
class Components:
    """The part of a pipeline that turns text into features.

    Attributes:
        tokenizer: None if there are no featurizers and no tokenizer.
        featurizers: in pipeline order, which is the order of their columns.
        skipped: the names of all other components, in pipeline order.
    """

    tokenizer: WhitespaceTokenizer | None
    featurizers: tuple[Featurizer, ...]
    skipped: tuple[str, ...]


def build_featurizers(pipeline: Sequence[Mapping[str, Any]] | None) -> Components:
    """Builds what is ours of a Rasa `pipeline:`.

    Raises:
        InputError: a component is malformed or has wrong options, or featurizers have no
            WhitespaceTokenizer before them.
    """
    tokenizer: WhitespaceTokenizer | None = None
    featurizers: list[Featurizer] = []
    skipped: list[str] = []
    for name, options in _named_components(pipeline):
        if name == TOKENIZER:
            if tokenizer is not None:
                raise InputError(f"pipeline: {TOKENIZER} is there twice; remove one of them")
            checked = read_options(name, options, WhitespaceTokenizerOptions)
            tokenizer = WhitespaceTokenizer(
                checked.intent_tokenization_flag,
                checked.intent_split_symbol,
                checked.token_pattern,
                checked.prefix_separator_symbol,
            )
        elif name in FEATURIZERS:
            if tokenizer is None:
                raise _no_tokenizer(name, skipped)
            featurizers.append(_featurizer(name, options, tokenizer))
        else:
            skipped.append(name)
    return Components(tokenizer, tuple(featurizers), tuple(skipped))


def restore_featurizer(saved: Mapping[str, Any]) -> Featurizer:
    """The featurizer that was saved as `{"name": ..., "options": ..., "state": ...}`."""
    return FEATURIZERS[saved["name"]].restore(saved["options"], saved["state"])


def _named_components(pipeline: Any) -> Iterable[tuple[str, dict[str, Any]]]:
    if not isinstance(pipeline, Sequence | None) or isinstance(pipeline, str):
        raise InputError(
            f"pipeline: must be a list of components; received {pipeline!r}; "
            "write '- name: WhitespaceTokenizer' and so on"
        )
    for position, component in enumerate(pipeline or (), start=1):
        if not isinstance(component, Mapping) or not isinstance(component.get("name"), str):
            raise InputError(
                f"pipeline: component {position} must be a map with a 'name'; "
                f"received {component!r}; write '- name: ...'"
            )
        # Rasa also takes a module path such as `rasa.nlu.tokenizers...WhitespaceTokenizer`.
        name = component["name"].rpartition(".")[2]
        options = {key: value for key, value in component.items() if key != "name"}
        for key in RETIRED_OPTIONS.get(name, ()):
            if key in options:
                logger.warning("%s: option %r has no effect since Rasa 3; ignored", name, key)
                del options[key]
        yield name, options


def _featurizer(
    name: str, options: Mapping[str, Any], tokenizer: WhitespaceTokenizer
) -> Featurizer:
    if name == CountVectorsFeaturizer.name:
        return CountVectorsFeaturizer(options, tokenizer.label_tokens)
    return FEATURIZERS[name](options)


def _no_tokenizer(featurizer: str, skipped: list[str]) -> InputError:
    others = [name for name in skipped if name.endswith("Tokenizer")]
    found = f"{others[0]}, which is not available here" if others else "none"
    return InputError(
        f"pipeline: {featurizer} needs a tokenizer before it; received {found}; "
        f"put '- name: {TOKENIZER}' first"
    )
