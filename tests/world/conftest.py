"""The projects that processes train on; each is made once."""

from __future__ import annotations

import pytest
from command_line import CommandLine
from faq_project import add_faq
from stories_project import add_dialogues


@pytest.fixture(scope="session")
def command_line(tmp_path_factory) -> CommandLine:
    """The command line on a small project of messages."""
    return CommandLine(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def dialogues(tmp_path_factory) -> CommandLine:
    """The command line on one with stories, too."""
    made = CommandLine(tmp_path_factory.mktemp("dialogues"))
    add_dialogues(made.project)
    return made


@pytest.fixture(scope="module")
def faq(tmp_path_factory) -> CommandLine:
    """The command line on one with retrieval intents and response selectors."""
    made = CommandLine(tmp_path_factory.mktemp("faq"))
    add_faq(made.project)
    return made
