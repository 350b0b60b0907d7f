"""What a section means that `config.yml` leaves empty: Rasa's suggestion, as of `rasa init`.

Mirrors `rasa/engine/recipes/config_files/default_config.yml` and `DefaultV1Recipe.auto_configure`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

LANGUAGE, PIPELINE, POLICIES = "language", "pipeline", "policies"

SUGGESTED: dict[str, Any] = {
    LANGUAGE: "en",
    PIPELINE: [
        {"name": "WhitespaceTokenizer"},
        {"name": "RegexFeaturizer"},
        {"name": "LexicalSyntacticFeaturizer"},
        {"name": "CountVectorsFeaturizer"},
        {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
        {"name": "DIETClassifier", "epochs": 100, "constrain_similarities": True},
        {"name": "EntitySynonymMapper"},
        {"name": "ResponseSelector", "epochs": 100, "constrain_similarities": True},
        {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1},
    ],
    POLICIES: [
        {"name": "MemoizationPolicy"},
        {"name": "RulePolicy"},
        {"name": "UnexpecTEDIntentPolicy", "max_history": 5, "epochs": 100},
        {"name": "TEDPolicy", "max_history": 5, "epochs": 100, "constrain_similarities": True},
    ],
}


def completed(content: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What `config.yml` says, with Rasa's suggestion for each section that is missing or empty.

    Returns:
        That, and a line for the user if anything was added.
    """
    added = [key for key in SUGGESTED if content.get(key) is None]
    full = {**content, **{key: copy.deepcopy(SUGGESTED[key]) for key in added}}
    shown = [key for key in added if key != LANGUAGE]
    if not shown:
        return full, []
    of = {key: ", ".join(component["name"] for component in SUGGESTED[key]) for key in shown}
    told = "; ".join(f"{key}: {names}" for key, names in of.items())
    return full, [f"Configured as Rasa suggests, since config.yml leaves it open: {told}."]
