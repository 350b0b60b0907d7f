"""Whose a component is: one of Rasa's own, by name or by full path, or somebody else's."""

from __future__ import annotations

RASA_COMPONENTS = {
    "AugmentedMemoizationPolicy": "rasa.core.policies.memoization",
    "CRFEntityExtractor": "rasa.nlu.extractors.crf_entity_extractor",
    "ConveRTFeaturizer": "rasa.nlu.featurizers.dense_featurizer.convert_featurizer",
    "CountVectorsFeaturizer": "rasa.nlu.featurizers.sparse_featurizer.count_vectors_featurizer",
    "DIETClassifier": "rasa.nlu.classifiers.diet_classifier",
    "DucklingEntityExtractor": "rasa.nlu.extractors.duckling_entity_extractor",
    "EntitySynonymMapper": "rasa.nlu.extractors.entity_synonyms",
    "FallbackClassifier": "rasa.nlu.classifiers.fallback_classifier",
    "JiebaTokenizer": "rasa.nlu.tokenizers.jieba_tokenizer",
    "KeywordIntentClassifier": "rasa.nlu.classifiers.keyword_intent_classifier",
    "LanguageModelFeaturizer": "rasa.nlu.featurizers.dense_featurizer.lm_featurizer",
    "LexicalSyntacticFeaturizer": (
        "rasa.nlu.featurizers.sparse_featurizer.lexical_syntactic_featurizer"
    ),
    "LogisticRegressionClassifier": "rasa.nlu.classifiers.logistic_regression_classifier",
    "MemoizationPolicy": "rasa.core.policies.memoization",
    "MitieEntityExtractor": "rasa.nlu.extractors.mitie_entity_extractor",
    "MitieFeaturizer": "rasa.nlu.featurizers.dense_featurizer.mitie_featurizer",
    "MitieIntentClassifier": "rasa.nlu.classifiers.mitie_intent_classifier",
    "MitieNLP": "rasa.nlu.utils.mitie_utils",
    "MitieTokenizer": "rasa.nlu.tokenizers.mitie_tokenizer",
    "RegexEntityExtractor": "rasa.nlu.extractors.regex_entity_extractor",
    "RegexFeaturizer": "rasa.nlu.featurizers.sparse_featurizer.regex_featurizer",
    "RegexMessageHandler": "rasa.nlu.classifiers.regex_message_handler",
    "ResponseSelector": "rasa.nlu.selectors.response_selector",
    "RulePolicy": "rasa.core.policies.rule_policy",
    "SklearnIntentClassifier": "rasa.nlu.classifiers.sklearn_intent_classifier",
    "SpacyEntityExtractor": "rasa.nlu.extractors.spacy_entity_extractor",
    "SpacyFeaturizer": "rasa.nlu.featurizers.dense_featurizer.spacy_featurizer",
    "SpacyNLP": "rasa.nlu.utils.spacy_utils",
    "SpacyTokenizer": "rasa.nlu.tokenizers.spacy_tokenizer",
    "TEDPolicy": "rasa.core.policies.ted_policy",
    "UnexpecTEDIntentPolicy": "rasa.core.policies.unexpected_intent_policy",
    "WhitespaceTokenizer": "rasa.nlu.tokenizers.whitespace_tokenizer",
}
"""Every component of Rasa 3.6.21 -> the module it is in."""

RASA_PACKAGE = "rasa."


def component_name(written: str) -> str:
    """The plain name of one of Rasa's own components; any other name as it is written.

    Older versions had the same components in other modules, so only the package has to be Rasa's.

    >>> component_name("rasa.nlu.tokenizers.whitespace_tokenizer.WhitespaceTokenizer")
    'WhitespaceTokenizer'
    >>> component_name("my_package.WhitespaceTokenizer")
    'my_package.WhitespaceTokenizer'
    """
    return written.rpartition(".")[2] if written.startswith(RASA_PACKAGE) else written


def is_custom(name: str) -> bool:
    """Whether a `component_name` is the path of a class outside Rasa."""
    return "." in name
