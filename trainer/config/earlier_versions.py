"""Configurations of Rasa 0.x, 1.x and 2.x, read as what Rasa 3 has in their components' place.

| then | now |
|---|---|
| a template, such as `pipeline: supervised_embeddings` | the components it stood for, with DIET |
| names such as `tokenizer_whitespace` | the component's class, `WhitespaceTokenizer` |
| `EmbeddingIntentClassifier` | `DIETClassifier` with the options by which it is the same network |
| the same beside a `CRFEntityExtractor` | `DIETClassifier`, which learns the entities, too |
| `EmbeddingPolicy`, `KerasPolicy` | `TEDPolicy` |
| `HFTransformersNLP`, `LanguageModelTokenizer` | options of the featurizer; a tokenizer |
| `ConveRTTokenizer` | `WhitespaceTokenizer` |
| a policy's `featurizer` with `max_history` | the policy's `max_history` |
| `FormPolicy`, `MappingPolicy`, `FallbackPolicy`, `TwoStageFallbackPolicy` | `RulePolicy` |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

Component = dict[str, Any]

WORDS: list[Component] = [
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
]
DIET: list[Component] = [{"name": "DIETClassifier"}, {"name": "EntitySynonymMapper"}]
SPACY: list[Component] = [
    {"name": "SpacyNLP"},
    {"name": "SpacyTokenizer"},
    {"name": "SpacyFeaturizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    *DIET,
]
SUPERVISED: list[Component] = [
    {"name": "WhitespaceTokenizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    *WORDS,
    *DIET,
]
CONVERT: list[Component] = [
    {"name": "WhitespaceTokenizer"},
    {"name": "ConveRTFeaturizer"},
    *WORDS,
    *DIET,
]
TEMPLATES = {
    "supervised_embeddings": SUPERVISED,
    "tensorflow_embedding": SUPERVISED,
    "pretrained_embeddings_spacy": SPACY,
    "spacy_sklearn": SPACY,
    "pretrained_embeddings_convert": CONVERT,
}
"""`rasa.nlu.registry` of Rasa 1, with DIET in the place of separate models."""

NAMES = {
    "nlp_spacy": "SpacyNLP",
    "tokenizer_spacy": "SpacyTokenizer",
    "tokenizer_whitespace": "WhitespaceTokenizer",
    "tokenizer_jieba": "JiebaTokenizer",
    "intent_featurizer_spacy": "SpacyFeaturizer",
    "intent_featurizer_count_vectors": "CountVectorsFeaturizer",
    "intent_entity_featurizer_regex": "RegexFeaturizer",
    "intent_classifier_tensorflow_embedding": "EmbeddingIntentClassifier",
    "intent_classifier_sklearn": "SklearnIntentClassifier",
    "intent_classifier_keyword": "KeywordIntentClassifier",
    "ner_crf": "CRFEntityExtractor",
    "ner_spacy": "SpacyEntityExtractor",
    "ner_synonyms": "EntitySynonymMapper",
    "ner_duckling_http": "DucklingEntityExtractor",
    "DucklingHTTPExtractor": "DucklingEntityExtractor",
    "ConveRTTokenizer": "WhitespaceTokenizer",
}
"""Names of Rasa 0.x and 1.x that only changed."""

EMBEDDING_CLASSIFIER = {
    "hidden_layers_sizes": {"text": [256, 128]},
    "number_of_transformer_layers": 0,
    "connection_density": 1.0,
    "intent_classification": True,
    "entity_recognition": False,
    "use_masked_language_model": False,
    "BILOU_flag": False,
    "scale_loss": True,
    "use_sparse_input_dropout": False,
}
"""What makes DIET an EmbeddingIntentClassifier (Rasa's changelog of 1.8)."""

KERAS_POLICY_OPTIONS = {"epochs", "batch_size", "max_history", "featurizer", "priority"}
RULES = {"FormPolicy", "MappingPolicy", "FallbackPolicy", "TwoStageFallbackPolicy"}


def translated(content: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What `config.yml` says in the words of Rasa 3; what is of Rasa 3 already stays as it is.

    Returns:
        That, and a line for the user for everything that was translated.
    """
    now, notes = dict(content), []
    pipeline, policies = now.get("pipeline"), now.get("policies")
    if isinstance(pipeline, str) and pipeline in TEMPLATES:
        now["pipeline"] = [dict(component) for component in TEMPLATES[pipeline]]
        notes.append(f"the pipeline {pipeline!r} as {_names(now['pipeline'])}")
    elif is_list_of_components(pipeline):
        now["pipeline"] = _pipeline(pipeline, now.get("language"), notes)
    if is_list_of_components(policies):
        now["policies"] = _policies(policies, notes)
    if notes:
        notes = [
            f"config.yml is of an earlier Rasa. Read {'; '.join(notes)}. "
            "`python -m trainer config --migrate` writes it as Rasa 3 has it."
        ]
    return now, notes


def _pipeline(components: list[Component], language: Any, notes: list[str]) -> list[Component]:
    renamed = [_renamed(component, notes) for component in components]
    names = {component["name"] for component in renamed}
    if {"HFTransformersNLP", "LanguageModelTokenizer"} & names:
        renamed = _language_model(renamed, language, notes)
    if "EmbeddingIntentClassifier" not in names or "DIETClassifier" in names:
        return renamed
    with_entities = "CRFEntityExtractor" in names
    result = []
    for component in renamed:
        if component["name"] == "EmbeddingIntentClassifier":
            same = {} if with_entities else EMBEDDING_CLASSIFIER
            component = {**same, **component, "name": "DIETClassifier"}
        elif component["name"] == "CRFEntityExtractor":
            continue
        result.append(component)
    learnt = "EmbeddingIntentClassifier" + (" and CRFEntityExtractor" if with_entities else "")
    notes.append(f"{learnt} as DIETClassifier")
    return result


def _renamed(component: Component, notes: list[str]) -> Component:
    name = component["name"]
    if name not in NAMES:
        return dict(component)
    notes.append(f"{name} as {NAMES[name]}")
    return {**component, "name": NAMES[name]}


def _language_model(
    components: list[Component], language: Any, notes: list[str]
) -> list[Component]:
    """Mirrors the migration guide of Rasa 2.0: the featurizer has the options of the model."""
    tokenizer = "JiebaTokenizer" if language == "zh" else "WhitespaceTokenizer"
    options: dict[str, Any] = {}
    result = []
    for component in components:
        if component["name"] == "HFTransformersNLP":
            options = {key: value for key, value in component.items() if key != "name"}
        elif component["name"] == "LanguageModelTokenizer":
            result.append({**component, "name": tokenizer})
            notes.append(f"LanguageModelTokenizer as {tokenizer}")
        elif component["name"] == "LanguageModelFeaturizer":
            result.append({**options, **component})
            notes.append("HFTransformersNLP as options of LanguageModelFeaturizer")
        else:
            result.append(component)
    return result


def _policies(components: list[Component], notes: list[str]) -> list[Component]:
    names = {component["name"] for component in components}
    result: list[Component] = []
    for component in components:
        name = component["name"]
        if name in RULES:
            notes.append(f"{name} as RulePolicy")
            if not any(policy["name"] == "RulePolicy" for policy in [*components, *result]):
                result.append({"name": "RulePolicy"})
        elif name in ("KerasPolicy", "EmbeddingPolicy") and "TEDPolicy" not in names:
            kept = component
            if name == "KerasPolicy":
                kept = {k: v for k, v in component.items() if k in KERAS_POLICY_OPTIONS}
            result.append(_without_tracker_featurizer({**kept, "name": "TEDPolicy"}, notes))
            names.add("TEDPolicy")
            notes.append(f"{name} as TEDPolicy")
        elif name == "TEDPolicy":
            result.append(_without_tracker_featurizer(component, notes))
        else:
            result.append(dict(component))
    return result


def _without_tracker_featurizer(policy: Component, notes: list[str]) -> Component:
    """`max_history` stood in the featurizer, and states had featurizers that Rasa 2 unified."""
    match policy.get("featurizer"):
        case [{"name": "MaxHistoryTrackerFeaturizer", **rest}]:
            states = rest.pop("state_featurizer", [{}])
            history = rest.pop("max_history", policy.get("max_history"))
            earlier = states != [{}] and states != [{"name": "SingleStateFeaturizer"}]
            if rest or (history is None and not earlier):
                return dict(policy)
            notes.append("MaxHistoryTrackerFeaturizer as max_history of TEDPolicy")
            kept = {key: value for key, value in policy.items() if key != "featurizer"}
            return {**kept, **({} if history is None else {"max_history": history})}
    return dict(policy)


def is_list_of_components(section: Any) -> TypeGuard[list[Component]]:
    return isinstance(section, list) and all(
        isinstance(component, dict) and isinstance(component.get("name"), str)
        for component in section
    )


def _names(components: list[Component]) -> str:
    return ", ".join(component["name"] for component in components)
