"""Finding NLU files and reading them together."""

from __future__ import annotations

import pytest

from data_pipeline.dialogue.domain.domain_files import read_domain
from data_pipeline.dialogue.stories.story_files import is_story_file
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.nlu_files import (
    find_nlu_files,
    iter_nlu,
    named_lookup_files,
    read_nlu,
)
from data_pipeline.rasa_files.training_items import LookupTable, Message, RegexPattern

NLU = 'version: "3.1"\nnlu:\n- intent: a\n  examples: |\n    - x\n    - x\n    - [y](e)\n    - y\n'


@pytest.fixture
def project(tmp_path):
    files = {
        "b.yml": NLU,
        "sub/a.yaml": "# comment\n\n'nlu':\n- intent: b\n  examples: |\n    - x\n",
        "flow.yml": '{version: "3.1", nlu: []}',
        "indented.yml": '  version: "3.1"\n  nlu: []\n',
        "old.md": "## intent:a\n- x\n- z\n",
        "old.json": '{"rasa_nlu_data": {"common_examples": [{"text": "j", "intent": "a"}]}}',
        "stories.yml": "stories:\n- story: s\n  nlu: no\n",
        "domain.yml": "intents:\n- nlu\n",
        "stories.md": "## story\n* a\n  - b\n",
        "README.md": "# read me\n",
        "package.json": "{broken",
        "empty.yml": "",
        ".hidden/c.yml": NLU,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_nlu_files_are_found_by_content_in_sorted_order(project):
    names = [str(path.relative_to(project)) for path in find_nlu_files([project])]
    assert names == ["b.yml", "flow.yml", "indented.yml", "old.json", "old.md", "sub/a.yaml"]


def test_file_named_twice_is_read_once(project):
    assert find_nlu_files([project / "b.yml", str(project / "b.yml")]) == [project / "b.yml"]


def test_folder_that_links_to_itself_is_walked_once(project):
    (project / "sub" / "loop").symlink_to(project)
    assert len(find_nlu_files([project])) == 6


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "missing: no such file or folder; correct the path"),
        ("stories.yml", "stories.yml: no NLU training data here; expected YAML with a top-level"),
        ("empty", "empty: no NLU training data here"),
    ],
)
def test_path_without_nlu_data_is_refused(project, name, message):
    (project / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        find_nlu_files([project / name])


def test_equal_messages_are_read_once_over_all_files(project):
    messages = [(m.text, m.intent, len(m.entities)) for m in iter_nlu([project])]
    assert messages == [
        ("x", "a", 0),
        ("y", "a", 1),
        ("y", "a", 0),
        ("j", "a", 0),
        ("z", "a", 0),
        ("x", "b", 0),
    ]


def test_read_nlu_sorts_patterns_and_lets_the_later_synonym_win(tmp_path, caplog):
    (tmp_path / "n.yml").write_text(
        "nlu:\n- regex: b\n  examples: |\n    - 1\n- regex: a\n  examples: |\n    - 2\n    - 1\n"
        "- synonym: New York\n  examples: |\n    - NY\n- synonym: Norway\n  examples: |\n    - NY\n"
        "- lookup: l\n  examples: |\n    - e\n- intent: i\n  examples: |\n    - t\n"
    )
    data = read_nlu([tmp_path])
    assert data.messages == (Message("t", "i"),)
    assert data.regexes == (RegexPattern("a", "1"), RegexPattern("a", "2"), RegexPattern("b", "1"))
    assert data.synonyms == {"NY": "Norway"}
    assert data.lookups == (LookupTable("l", ("e",)),)
    assert "synonym 'NY' means 'New York' and 'Norway'; the latter is used" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "a: {{ .Values.a }}\n",
        "- !Ref Bucket\n",
        "a: 1\n---\nb: 2\n",
        "a:\n\t- b\n",
        "a: 1\na: 2\n",
        "deep:\n  nlu: {{ x }}\n",
    ],
)
def test_yaml_that_is_not_rasas_is_not_opened(project, text):
    before = find_nlu_files([project])
    (project / "chart.yml").write_text(text)
    assert find_nlu_files([project]) == before
    assert not is_story_file(project / "chart.yml")
    assert read_domain([project / "domain.yml"], [project]).intents


def test_yaml_of_rasa_that_is_broken_is_still_refused(project):
    (project / "c.yml").write_text("nlu: [\n")
    with pytest.raises(InputError, match="c.yml:2: not valid YAML"):
        list(iter_nlu([project]))


def test_json_in_a_file_of_markdown_is_read_with_a_warning(tmp_path, caplog):
    path = tmp_path / "nlu.md"
    path.write_text(
        '\ufeff\n {"rasa_nlu_data": {"common_examples": [{"text": "a", "intent": "b"}]}}'
    )
    assert [message.text for message in iter_nlu([tmp_path])] == ["a"]
    assert f"{path}:1: this is JSON, in spite of its name" in caplog.text
    assert named_lookup_files(path) == []
