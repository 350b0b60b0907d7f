"""Real stories, if they are at hand: set SHARED_DATA or keep them in ../shared/data.

The counts are those of Rasa 3.6.21 on the same files.
"""

import os
from pathlib import Path

import pytest

from data_pipeline.dialogue.domain.domain_files import read_domain
from data_pipeline.dialogue.domain.events import ActionExecuted
from data_pipeline.dialogue.stories.story_files import read_stories
from data_pipeline.dialogue.trackers.states import StateTable
from data_pipeline.dialogue.trackers.tracker_generator import training_trackers
from data_pipeline.dialogue.trackers.turns import WindowCutter, turns_of

SHARED_DATA = Path(
    os.environ.get("SHARED_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")
)


@pytest.fixture(autouse=True)
def _skip_without_data():
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no data sets in {SHARED_DATA}; set SHARED_DATA to where they are")


def told(domain, stories, **options):
    """The distinct dialogues and the examples of at most ten states."""
    data = read_stories([stories], domain)
    table = StateTable(data.domain)
    trackers = training_trackers(data.steps, table, **options)
    label_ids = {action: number for number, action in enumerate(data.domain.actions)}
    cutter = WindowCutter(10)
    examples = sum(
        len(list(cutter.windows(turns_of(tracker, table, label_ids)))) for tracker in trackers
    )
    return trackers, examples


def test_multiwoz_has_732_distinct_dialogues_and_12486_examples():
    folder = SHARED_DATA / "multiwoz_modular"
    domain = read_domain([folder / "domain.yml"])
    trackers, examples = told(domain, folder / "train_stories.yml", augmentation_factor=0)
    assert (len(trackers), examples) == (732, 12_486)


@pytest.mark.parametrize(
    "stories", ["multiwoz_modular/test_stories.yml", "markdown/multiwoz_stories_test.md"]
)
def test_multiwoz_asks_for_3655_actions_in_185_test_dialogues(stories):
    domain = read_domain([SHARED_DATA / "multiwoz_modular" / "domain.yml"])
    trackers, _ = told(domain, SHARED_DATA / stories, augmentation_factor=0)
    actions = [e for t in trackers for e in t.events if isinstance(e, ActionExecuted)]
    assert (len(trackers), len(actions) - len(trackers)) == (185, 3_655)


def test_sara_of_rasa_2_has_rasas_dialogues_and_examples():
    folder = SHARED_DATA / "sara"
    domain = read_domain([folder / "domain.yml"], [folder / "data"])
    trackers, examples = told(domain, folder / "data", augmentation_factor=0)
    assert (len(trackers), examples) == (378, 1_612)


@pytest.mark.slow
def test_sara_glued_has_rasas_dialogues_and_examples():
    folder = SHARED_DATA / "sara"
    domain = read_domain([folder / "domain.yml"], [folder / "data"])
    trackers, examples = told(domain, folder / "data", augmentation_factor=50)
    assert (len(trackers), examples) == (878, 7_342)
