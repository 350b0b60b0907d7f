"""Golden of what texts and names of end-to-end stories look like to Rasa's TED."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from golden.dialogue_cases import CASES
from rasa.core.featurizers.precomputation import (
    CoreFeaturizationCollector,
    CoreFeaturizationInputConverter,
)
from rasa.core.featurizers.single_state_featurizer import SingleStateFeaturizer
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.featurizers.sparse_featurizer.count_vectors_featurizer import CountVectorsFeaturizer
from rasa.nlu.featurizers.sparse_featurizer.lexical_syntactic_featurizer import (
    LexicalSyntacticFeaturizer,
)
from rasa.nlu.featurizers.sparse_featurizer.regex_featurizer import RegexFeaturizer
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.importers.importer import TrainingDataImporter

CONFIG = "recipe: default.v1\nlanguage: en\npipeline: []\npolicies: []\n"
NLU = """
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello you
    - hi
- intent: faq/ask
  examples: |
    - why is [Rome](city) so big
- regex: where
  examples: |
    - (?i)city
"""
FEATURIZERS = (
    (RegexFeaturizer, {}),
    (LexicalSyntacticFeaturizer, {}),
    (CountVectorsFeaturizer, {}),
    (CountVectorsFeaturizer, {"analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4}),
)


def record() -> dict[str, Any]:
    """What is given, and the features of every text and name."""
    given = {**CASES["end_to_end"], "nlu": NLU}
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.yml" for name in (*given, "config")}
        for name, path in paths.items():
            path.write_text(CONFIG if name == "config" else given[name], encoding="utf-8")
        data = [str(paths["nlu"]), str(paths["stories"])]
        importer = TrainingDataImporter.load_from_config(
            str(paths["config"]), str(paths["domain"]), data
        )
        domain, stories, nlu = (
            importer.get_domain(),
            importer.get_stories(),
            importer.get_nlu_data(),
        )
        asked = CoreFeaturizationInputConverter().convert_for_training(domain, stories)
        _featurize(nlu, asked, Path(folder))
    container = CoreFeaturizationCollector().collect(asked)
    encoder = SingleStateFeaturizer()
    encoder.prepare_for_training(domain, bilou_tagging=True)
    values = {
        "intent": domain.intents,
        "action_name": [a for a in domain.action_names_or_texts if a not in domain.action_texts],
        "action_text": domain.action_texts,
        "text": sorted(container.keys("text")),
    }
    pipeline = [{"name": cls.__name__, **options} for cls, options in FEATURIZERS]
    tags = encoder.entity_tag_specs[0].ids_to_tags
    return {
        "given": {**given, "pipeline": [{"name": "WhitespaceTokenizer"}, *pipeline]},
        "tags": [tags[number] for number in range(len(tags))],
        "features": {
            attribute: {
                name: [
                    _entries(features)
                    for features in encoder._extract_state_features(
                        {attribute: name}, container, sparse=True
                    )[attribute]
                ]
                for name in names
            }
            for attribute, names in values.items()
        },
    }


def _featurize(nlu, asked, folder: Path) -> None:
    tokenizer = WhitespaceTokenizer(WhitespaceTokenizer.get_default_config())
    (folder / "models").mkdir()
    storage = LocalModelStorage.create(folder / "models")
    for data in (nlu, asked):
        tokenizer.process_training_data(data)
    for number, (cls, options) in enumerate(FEATURIZERS):
        config = {**cls.get_default_config(), **options}
        context = ExecutionContext(GraphSchema({}), "golden")
        featurizer = cls.create(config, storage, Resource(f"f{number}"), context)
        featurizer.train(nlu)
        for data in (nlu, asked):
            featurizer.process_training_data(data)


def _entries(features) -> dict[str, Any]:
    """Type, shape and the (row, column, value) of what is not 0."""
    matrix = features.features.tocoo()
    entries = zip(matrix.row, matrix.col, matrix.data)  # noqa: B905
    return {
        "type": features.type,
        "shape": list(matrix.shape),
        "entries": sorted([int(r), int(c), float(v)] for r, c, v in entries if v),
    }
