"""A run that starts from an earlier one starts alike on one device, mirrored ones, and Horovod."""

from __future__ import annotations

import shutil

import pytest
from command_line import assert_same_weights
from devices import mirrored

NEW_DATA = """\
- intent: greet
  examples: |
    - salutations comrade
- intent: order
  examples: |
    - two [lemonades](drink) for me
"""


@pytest.mark.slow
def test_two_devices_start_from_an_earlier_run_as_one_does(command_line):
    command_line.train("earlier", "--epochs", "2", "--set", "drop_rate=0")
    project = command_line.directory / "grown"
    shutil.copytree(command_line.project, project)
    with (project / "data" / "nlu.yml").open("a") as file:
        file.write(NEW_DATA)
    options = ("--project", str(project), "--set", "drop_rate=0", "--epochs", "1")
    options += ("--init-from", str(command_line.run_dir("earlier")))
    assert "Starting from" in command_line.train("started-one", *options)
    command_line.train("started-mirrored", *options, *mirrored(2))
    command_line.train("started-horovod", *options, processes=2)
    one = command_line.variables("started-one")
    for several in ("started-mirrored", "started-horovod"):
        assert_same_weights(one, command_line.variables(several))
