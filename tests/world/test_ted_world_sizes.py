"""N devices train TED as one, and an interrupted TED goes on as one left alone: the same rules and
the same tolerance as in `test_world_sizes.py` and `test_resume.py`.
"""

from __future__ import annotations

import pytest
from command_line import CITIES, CommandLine, assert_equal, assert_same_weights
from devices import HOROVOD_4, ONE, TWO, mirrored
from stories_project import add_dialogues

TED = ("--model", "ted", "--set", "clip_norm=0.5", "--set", "augmentation_factor=2")
WHOLE = ("--set", "ted.featurizer=[{name: FullDialogueTrackerFeaturizer}]")
# Of so many texts some weights have a gradient that is nothing but rounding, and Rasa's L2 counts
# where it is positive (`trainer/training/step.py`): single weights then differ by far more.
WITHOUT_L2 = ("--set", "regularization_constant=0")
SPOKEN = """
- story: to {city}
  steps:
  - user: hello there
  - bot: Good morning from {city}
  - user: "fly to [{city}](city) please"
  - action: book
  - user: see you later
  - bot: Welcome to {city}
"""


@pytest.fixture(scope="module")
def spoken(tmp_path_factory) -> CommandLine:
    """The command line on a project whose stories say texts, more of them than are drawn."""
    made = CommandLine(tmp_path_factory.mktemp("spoken"))
    add_dialogues(made.project)
    told = "".join(SPOKEN.format(city=city) for city in CITIES)
    stories = made.project / "data" / "stories.yml"
    stories.write_text(f'version: "3.1"\nstories:{told}', encoding="utf-8")
    return made


def _agree(project: CommandLine, first: str, second: str) -> None:
    assert_same_weights(project.variables(first), project.variables(second))


@pytest.mark.slow
@pytest.mark.parametrize("devices", [*TWO, HOROVOD_4], ids=str)
def test_several_devices_train_as_one(dialogues, devices):
    _agree(dialogues, dialogues.left_alone(ONE, *TED), dialogues.left_alone(devices, *TED))


@pytest.mark.slow
def test_whole_dialogues_train_alike_on_two_processes(dialogues):
    dialogues.train("whole-1", *TED, *WHOLE)
    dialogues.train("whole-2", *TED, *WHOLE, processes=2)
    _agree(dialogues, "whole-1", "whole-2")


@pytest.mark.slow
@pytest.mark.parametrize("devices", TWO, ids=str)
def test_stories_of_texts_train_alike_on_two_devices(spoken, devices):
    one, two = (spoken.left_alone(each, *TED, *WITHOUT_L2) for each in (ONE, devices))
    assert {"loss/action", "loss/entity"} <= spoken.metrics(one)[0].keys()
    _agree(spoken, one, two)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [ONE, *TWO], ids=str)
def test_killed_and_started_again_ends_with_the_same_weights(dialogues, devices):
    killed = dialogues.interrupted(devices, *TED, "--set", "checkpoint_every_steps=3")
    alone = dialogues.left_alone(devices, *TED)
    assert_equal(dialogues.variables(alone), dialogues.variables(killed))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains(dialogues, precision):
    output = dialogues.train(
        precision, *TED, "--precision", precision, "--epochs", "8", *mirrored(2)
    )
    assert "epoch 8/8" in output and "glued" in output
