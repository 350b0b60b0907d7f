"""The golden files themselves: each says how it was made, and all are small."""

import pytest
from goldens import DIRECTORY, Golden


@pytest.mark.parametrize("file", sorted(DIRECTORY.glob("*.npz")), ids=lambda file: file.stem)
def test_every_golden_says_how_it_was_made_and_is_small(file):
    recipe = Golden(file.stem).recipe
    assert recipe["made_by"] == f"scripts/make_golden.py {file.stem}"
    assert recipe["versions"]["rasa"] == "3.6.21"
    assert {"seed", "options"} <= recipe.keys()
    assert file.stat().st_size < 200_000


def test_the_goldens_are_small_together():
    sizes = [file.stat().st_size for file in DIRECTORY.glob("*.npz")]
    assert sizes and sum(sizes) < 1_500_000
