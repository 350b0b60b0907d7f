"""Whatever stands in the wrong place of a project's files, it is taken or refused in words.

Every value of every file is replaced by values of other kinds, one at a time, and the project is
prepared up to the data sets that training reads. Either that works or it is an `InputError`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_pipeline.errors import InputError
from trainer.config.project import Project
from trainer.run.chosen_tasks import chosen_models, make_task
from trainer.run.resolve import resolve_all

FILES = {
    "config.yml": """
recipe: default.v1
language: en
pipeline:
  - name: WhitespaceTokenizer
  - name: RegexFeaturizer
  - name: LexicalSyntacticFeaturizer
    features: [[low, title], [BOS, EOS, prefix5], [low]]
  - name: CountVectorsFeaturizer
    OOV_token: oov
  - name: CountVectorsFeaturizer
    analyzer: char_wb
    max_ngram: 3
  - name: DIETClassifier
    epochs: 2
    batch_size: [6, 11]
    hidden_layers_sizes: {text: [16], label: []}
    split_entities_by_comma: {address: true}
  - name: EntitySynonymMapper
policies:
  - name: RulePolicy
  - name: TEDPolicy
    max_history: 5
    transformer_size: {text: 16, dialogue: 16}
""",
    "domain.yml": """
version: "3.1"
intents:
  - greet: {use_entities: true}
  - order: {use_entities: [size], ignore_entities: []}
  - bye
entities:
  - size: {influence_conversation: true}
  - city: {roles: [from, to], groups: ["1"]}
slots:
  size:
    type: categorical
    values: [small, large]
    initial_value: small
    mappings: [{type: from_entity, entity: size}]
  amount:
    type: float
    min_value: 0
    max_value: 10
    mappings: [{type: from_text, conditions: [{active_loop: order_form}]}]
  agreed:
    type: bool
    mappings: [{type: from_intent, intent: greet, value: true}]
forms:
  order_form: {required_slots: [size, amount]}
responses:
  utter_greet: [{text: "Hi {size}", buttons: [{title: a, payload: /greet}]}]
actions: [action_order]
""",
    "data/nlu.yml": r"""
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hi
    - hello [Rome](city)
- intent: order
  examples:
  - text: 'a [large]{"entity": "size", "value": "L"} pizza'
    metadata: {sentiment: 1}
- intent: bye
  examples: "- bye"
- synonym: L
  examples: "- large"
- regex: zip
  examples: '- \d{5}'
- lookup: city
  examples: "- Rome"
""",
    "data/stories.yml": """
version: "3.1"
stories:
- story: one
  steps:
  - intent: greet
    entities: [{city: Rome, role: from}]
  - action: utter_greet
  - slot_was_set: [{size: large}, amount]
  - checkpoint: c1
    slots: [{size: large}]
- story: two
  steps:
  - checkpoint: c1
  - or:
    - intent: bye
    - intent: order
      entities: [size: large]
  - action: order_form
  - active_loop: order_form
  - active_loop: null
  - action: action_order
- story: three
  metadata: {a: 1}
  steps:
  - user: "hello [Rome](city)"
  - bot: hello you
""",
    "data/rules.yml": """
version: "3.1"
rules:
- rule: say bye
  condition:
  - slot_was_set: [{size: large}]
  - active_loop: order_form
  wait_for_user_input: false
  steps:
  - intent: bye
  - action: utter_greet
""",
}
WRONG = (None, -1, float("nan"), True, "", "[x]{", [], {}, [None], {"a": None}, {1: [2]})
LEAST = 100
"""Values in a file's tests; fewer would mean that the file is not what was meant."""


def _paths(node: Any, path: tuple = ()) -> Iterator[tuple]:
    keys = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        yield (*path, key)
        yield from _paths(node[key], (*path, key))


def _replaced(tree: Any, path: tuple, value: Any) -> Any:
    changed = copy.deepcopy(tree)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return changed


def _prepare(project: Path) -> None:
    found = Project.from_directory(project)
    for number, config in enumerate(resolve_all(found, chosen_models(found, None))):
        make_task(found, config).prepare(project / f"prepared-{number}")


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "data").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_project_itself_is_fine(project):
    _prepare(project)


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_a_wrong_value_anywhere_is_taken_or_refused_in_words(project, file):
    tree = yaml.safe_load(FILES[file])
    tried, bugs = 0, []
    for path in _paths(tree):
        for value in WRONG:
            text = yaml.safe_dump(_replaced(tree, path, value), allow_unicode=True)
            (project / file).write_text(text, encoding="utf-8")
            tried += 1
            try:
                _prepare(project)
            except InputError:
                pass
            except Exception as error:
                bugs.append(f"{path} = {value!r}: {type(error).__name__}: {error}")
    assert tried >= LEAST
    assert not bugs, f"{len(bugs)} of {tried}:\n" + "\n".join(bugs)
