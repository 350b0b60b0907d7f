"""What Rasa's RegexEntityExtractor and EntitySynonymMapper find: tests/golden/regex_extractor.json.

    RASA_PYTHON scripts/golden/regex_extractor.py tests/golden/regex_extractor.json

`RASA_PYTHON` is a Python 3.10 with Rasa 3.6.21.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.extractors.entity_synonyms import EntitySynonymMapper
from rasa.nlu.extractors.regex_entity_extractor import RegexEntityExtractor
from rasa.shared.nlu.training_data.loading import load_data
from rasa.shared.nlu.training_data.message import Message

NLU = """version: "3.1"
nlu:
- intent: fly
  examples: |
    - fly to [Rome](city)
    - fly to [new york](city) on [4](day)
    - ticket [AB12](code)
- lookup: city
  examples: |
    - Rome
    - New York
    - York
    - San José
- lookup: planet
  examples: |
    - mars
- regex: day
  examples: |
    - \\d+
- regex: day
  examples: |
    - (mon|tues)day
- regex: code
  examples: |
    - [A-Z]{2}\\d+
- regex: unused
  examples: |
    - fly
- synonym: Eternal City
  examples: |
    - Rome
"""
TEXTS = [
    "fly to rome on 12",
    "New York, york and NEW YORK",
    "AB12 or ab12 Monday",
    "to mars",
    "Romeo in SAN JOSÉ 2a",
    "",
    "nothing",
]
CASES = [
    {},
    {"case_sensitive": True},
    {"use_lookup_tables": False},
    {"use_regexes": False},
    {"use_word_boundaries": False},
]


def trained(kind, options, data, folder):
    """A component of Rasa outside of a graph, trained."""
    place = folder / f"{kind.__name__}-{len(list(folder.iterdir()))}"
    place.mkdir()
    config = {**kind.get_default_config(), **options}
    context = ExecutionContext(GraphSchema({}))
    component = kind.create(config, LocalModelStorage(place), Resource("it"), context)
    component.train(data)
    return component


def main(out: Path) -> None:
    """Write the file."""
    cases = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nlu.yml").write_text(NLU, encoding="utf-8")
        data = load_data(str(folder / "nlu.yml"))
        for options in CASES:
            messages = [Message({"text": text}) for text in TEXTS]
            trained(RegexEntityExtractor, options, data, folder).process(messages)
            found = [[dict(entity) for entity in m.get("entities", [])] for m in messages]
            trained(EntitySynonymMapper, {}, data, folder).process(messages)
            mapped = [m.get("entities", []) for m in messages]
            cases.append({"options": options, "entities": found, "mapped": mapped})
    content = {"nlu": NLU, "texts": TEXTS, "cases": cases}
    out.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
