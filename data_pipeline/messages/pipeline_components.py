"""Builds tokenizer and featurizers from the `pipeline:` list of a Rasa configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_pipeline.component_options import read_options
from data_pipeline.errors import InputError
from data_pipeline.featurizers.component_names import component_name, is_custom
from data_pipeline.featurizers.count_vectors import CountVectorsFeaturizer
from data_pipeline.featurizers.custom.custom_components import (
    custom_component,
    restored_featurizer,
    restored_tokenizer,
)
from data_pipeline.featurizers.dense.language_model import LanguageModelFeaturizer
from data_pipeline.featurizers.dense.spacy_featurizer import SpacyFeaturizer
from data_pipeline.featurizers.dense.word_vectors import WordVectorsFeaturizer
from data_pipeline.featurizers.featurizer import Featurizer
from data_pipeline.featurizers.lexical_syntactic import TAG_FEATURES, LexicalSyntacticFeaturizer
from data_pipeline.featurizers.regex_featurizer import RegexFeaturizer
from data_pipeline.tokenizers.jieba_tokenizer import JiebaTokenizer
from data_pipeline.tokenizers.languages import advised_tokenizer, check_language
from data_pipeline.tokenizers.spacy_model import NAME as SPACY_NLP
from data_pipeline.tokenizers.spacy_model import SpacyModel
from data_pipeline.tokenizers.spacy_tokenizer import SpacyTokenizer
from data_pipeline.tokenizers.tokenizer import Tokenizer, TokenizerOptions
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer
from data_pipeline.warnings_to_user import warn

TOKENIZERS: dict[str, type[Tokenizer]] = {
    kind.name: kind for kind in (WhitespaceTokenizer, JiebaTokenizer, SpacyTokenizer)
}
FEATURIZERS: dict[str, type[Featurizer]] = {
    kind.name: kind
    for kind in (
        CountVectorsFeaturizer,
        LanguageModelFeaturizer,
        LexicalSyntacticFeaturizer,
        RegexFeaturizer,
        SpacyFeaturizer,
        WordVectorsFeaturizer,
    )
}
RETIRED_OPTIONS = {
    WhitespaceTokenizer.name: ("case_sensitive",),
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

    tokenizer: Tokenizer | None
    featurizers: tuple[Featurizer, ...]
    skipped: tuple[str, ...]


def build_featurizers(
    pipeline: Sequence[Mapping[str, Any]] | None, language: str | None = None
) -> Components:
    """Builds what is ours of a Rasa `pipeline:`.

    Args:
        language: the configuration's `language:`, if it is to be checked who serves it.

    Raises:
        InputError: a component is malformed or has wrong options, lacks a component before it or a
            package, or does not serve the language.
    """
    building = _Building(language)
    for name, options in _named_components(pipeline):
        building.add(name, options)
    return Components(building.tokenizer, tuple(building.featurizers), tuple(building.skipped))


def described_tokenizer(tokenizer: Tokenizer) -> dict[str, Any]:
    """Its options, and its name unless it is the WhitespaceTokenizer, once the only one."""
    named = {} if isinstance(tokenizer, WhitespaceTokenizer) else {"name": tokenizer.name}
    return {**named, **tokenizer.options()}


def saved_tokenizer(tokenizer: Tokenizer) -> dict[str, Any]:
    """What `restore_tokenizer` takes, JSON-able."""
    if isinstance(tokenizer, WhitespaceTokenizer):
        return tokenizer.options()
    record = {"name": tokenizer.name, "options": tokenizer.options()}
    return {**record, "state": tokenizer.state()}


def restore_tokenizer(saved: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer that was saved (`InputError` where its package is missing)."""
    if "name" not in saved:
        return WhitespaceTokenizer(**saved)
    if is_custom(saved["name"]):
        return restored_tokenizer(saved["name"], saved["options"])
    return TOKENIZERS[saved["name"]].restore(saved["options"], saved["state"])


def restore_featurizer(saved: Mapping[str, Any]) -> Featurizer:
    """The featurizer that was saved as `{"name": ..., "options": ..., "state": ...}`."""
    if is_custom(saved["name"]):
        return restored_featurizer(saved["name"], saved["options"], saved["state"])
    return FEATURIZERS[saved["name"]].restore(saved["options"], saved["state"])


@dataclass
class _Building:
    """The components so far; of SpacyNLP its options, until another component needs the model."""

    language: str | None
    spacy_options: Mapping[str, Any] | None = None
    spacy: SpacyModel | None = None
    tokenizer: Tokenizer | None = None
    featurizers: list[Featurizer] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def add(self, name: str, options: dict[str, Any]) -> None:
        """The next component of the pipeline (`InputError`)."""
        if name == SPACY_NLP:
            self.spacy_options = options
            self.skipped.append(name)
        elif name in TOKENIZERS:
            kind = TOKENIZERS[name]
            only, never = kind.supported_languages, kind.not_supported_languages
            check_language(name, only, never, self.language)
            self._set_tokenizer(self._tokenizer(name, options))
        elif name in FEATURIZERS:
            self._add_featurizer(name, lambda tokenizer: self._featurizer(name, options, tokenizer))
        elif is_custom(name):
            self._add_custom(name, options)
        else:
            self.skipped.append(name)

    def _add_custom(self, name: str, options: dict[str, Any]) -> None:
        component = custom_component(name, options, self.language)
        if component is None:
            self.skipped.append(name)
        elif isinstance(component, Tokenizer):
            self._set_tokenizer(component)
        else:
            self._add_featurizer(name, lambda _: component)

    def _set_tokenizer(self, tokenizer: Tokenizer) -> None:
        if self.tokenizer is not None:
            raise InputError(
                f"pipeline: {tokenizer.name} is there twice; remove one of them"
                if tokenizer.name == self.tokenizer.name
                else f"pipeline: there are two tokenizers, {self.tokenizer.name} and "
                f"{tokenizer.name}; remove one of them"
            )
        self.tokenizer = tokenizer

    def _add_featurizer(self, name: str, make: Callable[[Tokenizer], Featurizer]) -> None:
        if self.tokenizer is None:
            raise self._no_tokenizer(name)
        self.featurizers.append(make(self.tokenizer))

    def _tokenizer(self, name: str, options: Mapping[str, Any]) -> Tokenizer:
        if name == SpacyTokenizer.name:
            return SpacyTokenizer(options, self._spacy_for(name))
        if name == JiebaTokenizer.name:
            return JiebaTokenizer(options)
        checked = read_options(name, options, TokenizerOptions)
        return WhitespaceTokenizer(
            checked.intent_tokenization_flag,
            checked.intent_split_symbol,
            checked.token_pattern,
            checked.prefix_separator_symbol,
        )

    def _spacy_for(self, name: str) -> SpacyModel:
        if self.spacy is None:
            if self.spacy_options is None:
                raise InputError(
                    f"pipeline: {name} needs a spaCy model; put '- name: {SPACY_NLP}' with its "
                    "option 'model' before it"
                )
            self.spacy = SpacyModel.from_options(self.spacy_options)
            self.skipped.remove(SPACY_NLP)
        return self.spacy

    def _featurizer(
        self, name: str, options: Mapping[str, Any], tokenizer: Tokenizer
    ) -> Featurizer:
        if name == CountVectorsFeaturizer.name:
            return CountVectorsFeaturizer(self._with_lemmas(options), tokenizer.label_tokens)
        if name == LexicalSyntacticFeaturizer.name:
            if not tokenizer.tags_words:
                options = _without_tag_features(options)
            return LexicalSyntacticFeaturizer(options, tagged_words=tokenizer.tags_words)
        if name == SpacyFeaturizer.name:
            if not isinstance(tokenizer, SpacyTokenizer):
                raise InputError(
                    f"pipeline: {name} needs the tokens of a {SpacyTokenizer.name}; received "
                    f"{tokenizer.name}; put '- name: {SpacyTokenizer.name}' in its place"
                )
            return SpacyFeaturizer(options, self._spacy_for(name))
        return FEATURIZERS[name](options)  # type: ignore[call-arg] # these take nothing else

    def _with_lemmas(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """`OOV_words` as spaCy sees them, since they are compared with lemmas.

        Mirrors `CountVectorsFeaturizer.train`.
        """
        words = options.get("OOV_words")
        if self.spacy_options is None or not words or not isinstance(words, list):
            return options
        spacy = self._spacy_for(CountVectorsFeaturizer.name)
        lemmatize = options.get("use_lemma", True)
        lowercase = options.get("lowercase", True)
        given = [word.lower() if lowercase else word for word in map(str, words)]
        docs = spacy.language.pipe(given)
        seen = [t.lemma_ if lemmatize else t.text for doc in docs for t in doc]
        return {**options, "OOV_words": seen}

    def _no_tokenizer(self, featurizer: str) -> InputError:
        others = [name for name in self.skipped if name.endswith("Tokenizer")]
        found = f"{others[0]}, which is not available here" if others else "none"
        return InputError(
            f"pipeline: {featurizer} needs a tokenizer before it; received {found}; "
            f"put '- name: {advised_tokenizer(self.language)}' first"
        )


def _without_tag_features(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Rasa warns, and goes on without."""
    features = options.get("features")
    if not isinstance(features, list) or not all(isinstance(names, list) for names in features):
        return options  # refused where all options are checked
    tags = list(TAG_FEATURES)
    kept = [[name for name in names if name not in tags] for names in features]
    if kept != features:
        warn(
            f"{LexicalSyntacticFeaturizer.name}: the features 'pos' and 'pos2' need a "
            f"{SpacyTokenizer.name}, which the pipeline has not; they are left out"
        )
    return {**options, "features": kept}


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
        name = component_name(component["name"])
        options = {key: value for key, value in component.items() if key != "name"}
        for key in RETIRED_OPTIONS.get(name, ()):
            if key in options:
                warn(f"{name}: option {key!r} has no effect since Rasa 3; ignored")
                del options[key]
        yield name, options
