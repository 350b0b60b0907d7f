"""docs/options.md names every option and the tests that show it, and is what its script writes."""

from dataclasses import fields

import make_options_doc as doc
import pytest
from shown_by import shown_by

from model.diet.options import DIETOptions
from model.options.rasa_names import RETIRED


@pytest.fixture(scope="module")
def shown() -> dict[str, list[str]]:
    """The tests that are marked, by what they show."""
    return shown_by()


def test_every_option_is_shown_by_a_test(shown):
    options = [(kind, field.name) for kind, of in doc.OPTIONS.items() for field in fields(of)]
    without = [f"{kind}.{name}" for kind, name in options if not doc.tests_of(kind, name, shown)]
    assert not without, "mark a test with @pytest.mark.shows(OPTION)"


def test_tests_show_nothing_but_options(shown):
    known = {"renamed"}
    for kind, options in doc.OPTIONS.items():
        known |= {
            name for field in fields(options) for name in (field.name, f"{kind}.{field.name}")
        }
    assert not set(shown) - known


def test_every_option_says_what_it_does():
    for options in doc.OPTIONS.values():
        for name, meaning in doc.meanings(options).items():
            assert meaning, name
        assert doc.meanings(options).keys() == {field.name for field in fields(options)}


def test_the_document_is_up_to_date(shown):
    assert doc.DOCUMENT.read_text(encoding="utf-8") == doc.render(shown), (
        "run python scripts/make_options_doc.py"
    )


@pytest.mark.shows("tensorboard_log_directory", "tensorboard_log_level")
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


def test_the_table_of_components_is_that_of_the_code():
    from make_components_doc import DOCUMENT, components_document

    assert DOCUMENT.read_text(encoding="utf-8") == components_document(), (
        "run scripts/make_components_doc.py"
    )
