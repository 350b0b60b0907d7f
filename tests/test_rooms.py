"""The rooms of the three packages: which stand on which, no circles, and none that is crowded."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from rooms import circles, imports_of_files, imports_of_rooms, upward_imports

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("data_pipeline", "model", "trainer")
MOST_FILES = 15

# The ground floor first. A room imports from lower floors only; rooms on one floor do not know each
# other. docs/architecture.md says what each is for.
DATA_FLOORS = (
    # data_pipeline
    ("errors", "file_hashes", "json_differences", "warnings_to_user"),
    ("component_options", "atomic_files", "optional_packages", "remembered", "rasa_files"),
    ("prepared_folder", "tokenizers"),
    ("featurizers",),
    ("featurizers.custom", "featurizers.dense", "entities", "batches"),
    ("messages", "text_graph.strings"),
    ("text_graph.patterns",),
    ("text_graph",),
    ("text_graph.entities",),
    ("responses",),
    ("dialogue.domain",),
    ("dialogue.stories",),
    ("dialogue.trackers",),
    ("dialogue",),
    ("dialogue.intents", "dialogue_graph"),
)
MODEL_FLOORS = (
    ("batch", "replicas", "model_config", "product_policy"),
    ("noise", "loss_term"),
    ("layers",),
    ("encoders", "weight_counts"),
    ("options",),
    ("losses",),
    ("diet", "ted"),
    ("response_selector", "unexpected_intent"),  # in Rasa, too, kinds of DIET and of TED
)
TRAINER_FLOORS = (
    ("errors",),
    ("checkpoints", "training.rows"),
    ("distribution.processes",),
    ("distribution",),
    ("training", "kubernetes"),
    ("config",),
    ("records", "signatures", "roles"),
    ("task",),
    ("messages", "dialogues"),
    ("diet", "ted"),
    ("response_selector", "unexpected_intent"),
    ("models",),
    ("components", "export"),
    ("trained_run",),
    ("run", "serving"),
    ("serving.sources",),
    ("front_door",),
    ("cli",),
    ("__main__",),
)
HOUSE = tuple(
    tuple(f"{package}.{room}" for room in floor)
    for package, floors in zip(PACKAGES, (DATA_FLOORS, MODEL_FLOORS, TRAINER_FLOORS), strict=True)
    for floor in floors
)


@pytest.fixture(scope="module")
def files():
    found = imports_of_files(ROOT, PACKAGES)
    assert len(found) > 100
    return found


def test_a_room_imports_from_rooms_below_it_only(files):
    wrong = upward_imports(files, HOUSE)
    assert not wrong, "\n".join(wrong)


def test_no_files_import_each_other_in_a_circle(files):
    assert circles(files) == []


def test_no_rooms_import_each_other_in_a_circle(files):
    assert circles(imports_of_rooms(files)) == []


@pytest.mark.parametrize("place", [*PACKAGES, "serving", "scripts", "tests"])
def test_no_room_is_crowded(place):
    counts = Counter(
        file.parent.relative_to(ROOT).as_posix()
        for file in (ROOT / place).rglob("*.py")
        if file.name != "__init__.py"
    )
    assert counts
    assert {room: number for room, number in counts.items() if number > MOST_FILES} == {}


def test_an_import_from_above_or_beside_is_named():
    files = {
        "p.low.a": {"p.high.b"},
        "p.low.c": {"p.beside.d"},
        "p.high.b": {"p.low.c", "p.high.e"},
        "p.beside.d": set(),
        "p.high.e": set(),
        "p.new": set(),
    }
    assert upward_imports(files, [["p.low", "p.beside"], ["p.high"]]) == [
        "p.low.a imports p.high.b: p.low does not stand on p.high",
        "p.low.c imports p.beside.d: p.low does not stand on p.beside",
        "p.new is on no floor: say in tests/test_rooms.py what it stands on",
    ]


def test_a_circle_is_found_whole():
    imports = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"f"}, "f": {"e"}}
    assert circles(imports) == [["a", "b", "c"], ["e", "f"]]
