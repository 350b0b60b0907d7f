"""N devices train TED as one: the same rules and the same tolerance as `test_world_sizes.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import CommandLine
from processes import differences

TOLERANCE = 1e-5
SAME_DRAWS = ("--model", "ted", "--set", "clip_norm=0.5", "--set", "augmentation_factor=2")
POLICIES = """
policies:
  - name: TEDPolicy
    max_history: 5
    epochs: 4
    batch_size: [6, 11]
    transformer_size: {text: 16, action_text: 16, label_action_text: 16, dialogue: 16}
    number_of_attention_heads: 2
    number_of_negative_examples: 5
    random_seed: 3
    constrain_similarities: true
    scale_loss: true
    drop_rate: 0
    drop_rate_dialogue: 0
    drop_rate_attention: 0
"""
DOMAIN = """
version: "3.1"
intents: [travel, order, greet, goodbye]
entities: [city, drink]
slots:
  city:
    type: text
    mappings: [{type: from_entity, entity: city}]
actions: [ask_city, ask_drink, book, serve, say_hello, say_goodbye]
"""
STORIES = {
    "travel at once": ["greet", "+say_hello", "travel city", "+book", "goodbye", "+say_goodbye"],
    "travel later": ["travel", "+ask_city", "travel city", "+book", "+say_goodbye"],
    "drink": ["greet", "+say_hello", "order", "+ask_drink", "order drink", "+serve"],
    "both": ["order drink", "+serve", "travel city", "+book", "goodbye", "+say_goodbye"],
}


def _stories() -> str:
    lines = ['version: "3.1"', "stories:"]
    for name, steps in STORIES.items():
        lines += [f"- story: {name}", "  steps:"]
        for step in steps:
            intent, _, entity = step.partition(" ")
            is_action = step.startswith("+")
            lines.append(f"  - action: {step[1:]}" if is_action else f"  - intent: {intent}")
            if entity:
                lines.append(f"    entities: [{{{entity}: x}}]")
    return "\n".join(lines) + "\n"


def mirrored(devices: int) -> tuple[str, ...]:
    return ("--strategy", "mirrored", "--set", f"logical_cpu_devices={devices}")


@pytest.fixture(scope="module")
def dialogues(tmp_path_factory) -> CommandLine:
    """The command line on a small project with stories."""
    made = CommandLine(tmp_path_factory.mktemp("dialogues"))
    with (made.project / "config.yml").open("a", encoding="utf-8") as config:
        config.write(POLICIES)
    _write(made.project / "domain.yml", DOMAIN)
    _write(made.project / "data" / "stories.yml", _stories())
    return made


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def one_device(dialogues) -> str:
    output = dialogues.train("one", *SAME_DRAWS)
    assert "glued" in output
    return "one"


def _agree(dialogues: CommandLine, first: str, second: str) -> None:
    a, b = dialogues.variables(first), dialogues.variables(second)
    assert a.keys() == b.keys()
    found = differences(a, b, [name for name in a if name.startswith("model/")])
    assert max(found.values()) < TOLERANCE, max(found.items(), key=lambda item: item[1])


def test_two_mirrored_devices_train_as_one(dialogues, one_device):
    dialogues.train("mirrored-2", *SAME_DRAWS, *mirrored(2))
    _agree(dialogues, one_device, "mirrored-2")


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 4])
def test_horovod_processes_train_as_one_device(dialogues, one_device, processes):
    name = f"horovod-{processes}"
    dialogues.train(name, *SAME_DRAWS, processes=processes)
    _agree(dialogues, one_device, name)


@pytest.mark.slow
def test_whole_dialogues_train_alike_on_two_processes(dialogues):
    whole = ("--set", "ted.featurizer=[{name: FullDialogueTrackerFeaturizer}]")
    dialogues.train("whole-1", *SAME_DRAWS, *whole)
    dialogues.train("whole-2", *SAME_DRAWS, *whole, processes=2)
    _agree(dialogues, "whole-1", "whole-2")


@pytest.mark.slow
def test_killed_and_started_again_ends_with_the_same_weights(dialogues, one_device):
    every = ("--set", "checkpoint_every_steps=3")
    dialogues.kill_after("epoch 2/4  loss", "killed", 1, *SAME_DRAWS, *every)
    dialogues.train("killed", *SAME_DRAWS, *every)
    a, b = dialogues.variables(one_device), dialogues.variables("killed")
    for name, values in a.items():
        np.testing.assert_array_equal(values, b[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains(dialogues, precision):
    output = dialogues.train(
        precision, *SAME_DRAWS, "--precision", precision, "--epochs", "8", *mirrored(2)
    )
    assert "epoch 8/8" in output
