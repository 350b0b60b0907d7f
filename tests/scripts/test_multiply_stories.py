"""Many stories out of some: nearly all texts are distinct, in the same words, each time alike."""

from __future__ import annotations

import json

from click.testing import CliRunner
from growth.multiply_stories import main, multiplied

from data_pipeline.dialogue.domain.domain_files import read_domain
from data_pipeline.dialogue.stories.story_files import read_stories

WORDS = "where is the cheap hotel of this town that we shall go to by train".split()
STORIES = [
    {
        "story": f"story {n}",
        "steps": [
            {"user": " ".join(WORDS[n:])},
            {"bot": "it is near the station"},
            {"action": "action_listen"},
        ],
    }
    for n in range(5)
]


def test_copies_are_distinct_but_say_nothing_new():
    told = list(multiplied(STORIES, 200))
    assert told[:5] == STORIES and len({story["story"] for story in told}) == 200
    texts = [step["user"] for story in told for step in story["steps"] if "user" in step]
    assert len(set(texts)) > 100
    spoken = {word for text in texts for word in text.split()}
    assert spoken <= {*WORDS, *"it is near the station".split()}
    assert all(
        [[*step] for step in story["steps"]] == [["user"], ["bot"], ["action"]] for story in told
    )


def test_fewer_stories_are_the_beginning_of_more():
    assert list(multiplied(STORIES, 60)) == list(multiplied(STORIES, 100))[:60]


def test_what_is_written_is_read_as_stories(tmp_path):
    given, out = tmp_path / "stories.yml", tmp_path / "more.yml"
    given.write_text(json.dumps({"stories": STORIES}))
    result = CliRunner().invoke(main, [str(given), str(out), "--stories", "12"])
    assert result.exit_code == 0, result.output
    domain = tmp_path / "domain.yml"
    domain.write_text('version: "3.1"\nactions: [action_search]\n')
    read = read_stories([out], read_domain([domain], []))
    assert len(read.steps) == 12 and "it is near the station" in read.domain.action_texts
