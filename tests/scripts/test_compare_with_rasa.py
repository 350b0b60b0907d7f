"""scripts/compare_with_rasa.py: what is held out, what both sides read, what is measured once."""

from __future__ import annotations

from collections import Counter

import click
import pytest
import yaml
from compare_with_rasa import hold_out, measured, write_files

from data_pipeline.rasa_files.nlu_files import read_nlu
from data_pipeline.rasa_files.training_items import Message
from trainer.config.project import Project

CONFIG = {
    "language": "en",
    "pipeline": [
        {"name": "WhitespaceTokenizer"},
        {"name": "CountVectorsFeaturizer"},
        {"name": "DIETClassifier", "epochs": 9},
        {"name": "FallbackClassifier"},
    ],
}
NLU = """\
nlu:
- intent: greet
  examples: |
    - hello [Anna](name)
    - hi
    - hey
    - good day
    - moin
"""


@pytest.fixture
def project(tmp_path) -> Project:
    path = tmp_path / "project"
    (path / "data").mkdir(parents=True)
    (path / "config.yml").write_text(yaml.safe_dump(CONFIG))
    (path / "data/nlu.yml").write_text(NLU)
    return Project.from_directory(path)


def test_each_label_gives_its_share_and_every_message_is_on_one_side():
    messages = [Message(f"{label} {n}", label) for label in ("a", "b") for n in range(10)]
    messages += [Message(f"rare {n}", "rare") for n in range(4)]
    training, test = hold_out(messages, 5)
    assert Counter(message.intent for message in test) == {"a": 2, "b": 2}
    assert sorted(m.text for m in training + test) == sorted(m.text for m in messages)
    halves = Counter(message.intent for message in hold_out(messages, 2)[1])
    assert halves == {"a": 5, "b": 5, "rare": 2}


def test_both_sides_read_the_same_files(project, tmp_path):
    folder = tmp_path / "kept"
    write_files(project, project.config, 3, 5, folder)
    training, test = read_nlu([folder / "data"]).messages, read_nlu([folder / "test"]).messages
    assert (len(training), len(test)) == (4, 1)
    kept = {(m.text, m.intent, m.entities) for m in [*training, *test]}
    assert kept == {(m.text, m.intent, m.entities) for m in read_nlu(project.nlu).messages}
    pipeline = yaml.safe_load((folder / "config.yml").read_text())["pipeline"]
    assert [c["name"] for c in pipeline] == [c["name"] for c in CONFIG["pipeline"][:3]]
    assert pipeline[-1]["epochs"] == 3


def test_figures_of_two_comparisons_do_not_mix(project, tmp_path):
    folder = tmp_path / "kept"
    for _ in range(2):
        write_files(project, project.config, 3, 5, folder)
    with pytest.raises(click.ClickException, match=r"config.yml is of another comparison"):
        write_files(project, project.config, 4, 5, folder)


def test_a_finished_seed_is_not_measured_again(tmp_path):
    path = tmp_path / "here-1.json"
    assert measured(path, lambda: [0.5, None, 0.25]) == [0.5, None, 0.25]
    assert measured(path, lambda: pytest.fail("measured again")) == [0.5, None, 0.25]


def test_an_interrupted_seed_leaves_no_figures(tmp_path):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path / "here-1.json", interrupted)
    assert list(tmp_path.iterdir()) == []
