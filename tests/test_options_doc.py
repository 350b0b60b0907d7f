"""docs/options.md names every option and real tests, and is what its script writes."""

import ast
from dataclasses import fields
from pathlib import Path

import make_options_doc as doc
import pytest

from model.diet.options import DIETOptions
from model.options.rasa_names import RETIRED
from model.ted.options import TEDOptions
from trainer.config.options import TrainerOptions

ROOT = Path(__file__).resolve().parent.parent
TABLES = [
    (DIETOptions, doc.DIET_TESTS),
    (TEDOptions, doc.TED_TESTS),
    (TrainerOptions, doc.TRAINER_TESTS),
]


@pytest.mark.parametrize("options, tests", TABLES)
def test_every_option_and_nothing_else_has_an_entry_with_a_test(options, tests):
    assert set(tests) == {field.name for field in fields(options)}, (
        "edit scripts/shown_by.py, then run scripts/make_options_doc.py"
    )
    assert [name for name, shown_by in tests.items() if not shown_by] == []


@pytest.mark.parametrize("options, tests", TABLES)
def test_the_named_tests_exist(options, tests):
    for test in sorted({test for shown_by in tests.values() for test in shown_by}):
        path, _, name = test.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)], test


def test_every_option_says_what_it_does():
    for options, _ in TABLES:
        for name, meaning in doc.meanings(options).items():
            assert meaning, name
        assert doc.meanings(options).keys() == {field.name for field in fields(options)}


def test_the_document_is_up_to_date():
    assert doc.DOCUMENT.read_text(encoding="utf-8") == doc.render(), (
        "run python scripts/make_options_doc.py"
    )


def test_rasas_tensorboard_options_are_accepted():
    options = {"tensorboard_log_directory": "logs", "tensorboard_log_level": "batch"}
    assert DIETOptions.from_rasa(options).tensorboard_log_level == "batch"
    with pytest.raises(ValueError, match='must be "epoch" or "batch"'):
        DIETOptions.from_rasa({"tensorboard_log_level": "step"})


# `droprate_a` and `_b` are TED's.
@pytest.mark.parametrize("earlier", [name for name in RETIRED if not name.startswith("droprate_")])
def test_a_wrong_value_under_an_earlier_name_is_blamed_on_the_new_one(earlier):
    now = RETIRED[earlier].partition(".")[0]
    with pytest.raises(ValueError, match=f"DIET: `{now}` must be .*no such value"):
        DIETOptions.from_rasa({earlier: "no such value"})
