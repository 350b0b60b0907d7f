"""Processes that were started with different code, configuration or data refuse, naming it."""

from __future__ import annotations

import pytest

from data_pipeline.errors import InputError
from trainer.distribution import started_alike
from trainer.distribution.distribution import SingleDevice
from trainer.distribution.started_alike import check_started_alike, code_version


class ThreeProcesses(SingleDevice):
    """What the chief sees of three processes, of which the last one may differ."""

    traffic = "some"

    def __init__(self, **of_third):
        self._of_third = of_third

    def gather_objects(self, value):
        return [value, value, {**value, **self._of_third}]


FACTS = {"configuration": {"diet": {"epochs": 4, "seed": 1}}, "data": {"diet": "f1"}}


def test_equal_starts_pass():
    check_started_alike(ThreeProcesses(), lambda: FACTS)


@pytest.mark.parametrize(
    ("of_third", "said"),
    [
        (
            {"configuration": {"diet": {"epochs": 5, "seed": 1}}},
            "configuration.diet.epochs: 4 -> 5",
        ),
        ({"data": {"diet": "f2"}}, 'data.diet: "f1" -> "f2"'),
        ({"code": code_version() | {"keras": "9.9"}}, 'code.keras: "[0-9.]+" -> "9.9"'),
        ({"code": code_version() | {"source": "old"}}, 'code.source: "[0-9a-f]+" -> "old"'),
    ],
)
def test_what_differs_is_named_with_the_process(of_third, said):
    with pytest.raises(InputError, match=f"Process 2 was not started like process 0: {said}. St"):
        check_started_alike(ThreeProcesses(**of_third), lambda: FACTS)


def test_of_many_differences_the_first_are_shown():
    of_third = {"configuration": {str(i): i for i in range(9)}}
    with pytest.raises(InputError, match="; and 5 more. Start all"):
        check_started_alike(ThreeProcesses(**of_third), lambda: FACTS)


def test_one_process_has_nothing_to_compare():
    check_started_alike(SingleDevice(), lambda: pytest.fail("not needed"))


def test_another_line_of_our_code_is_another_version(monkeypatch, tmp_path):
    package = tmp_path / "trainer" / "distribution"
    package.mkdir(parents=True)
    monkeypatch.setattr(started_alike, "__file__", str(package / "started_alike.py"))
    seen = set()
    for text in ("a = 1\n", "a = 2\n"):
        (package / "part.py").write_text(text)
        seen.add(code_version()["source"])
    (package / "part.py").rename(package / "parts.py")
    assert len(seen | {code_version()["source"]}) == 3
