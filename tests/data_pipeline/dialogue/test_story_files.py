"""Stories: both formats, files and folders, and what is wrong with bad ones."""

import pytest

from data_pipeline.dialogue.domain.domain_files import read_domain
from data_pipeline.dialogue.domain.events import ActionExecuted, ActiveLoop, SlotSet, UserUttered
from data_pipeline.dialogue.stories.story_files import find_story_files, read_stories
from data_pipeline.dialogue.stories.story_markdown import iter_story_markdown
from data_pipeline.dialogue.stories.story_reading import StoryReading
from data_pipeline.errors import InputError

YAML = """version: "3.1"
stories:
- story: one
  steps:
  - intent: greet
    entities: [{city: Rome}, {name: Ann}]
  - or:
    - intent: inform
    - intent: bye
  - action: city_form
  - active_loop: city_form
  - slot_was_set: [{known: true}]
  - active_loop: null
  - checkpoint: more
- story: two
  steps:
  - checkpoint: more
    slot_was_set: [{known: true}]
  - intent: greet
    user: "hi from [Oslo](city)"
  - action: utter_bye
rules:
- rule: three
  steps:
  - intent: bye
  - action: utter_bye
"""

MARKDOWN = """## one
<!-- a comment
over lines -->
* greet{"city": "Rome", "name": "Ann"}
* inform OR bye
  - city_form
  - active_loop{"name": "city_form"}
  - slot{"known": true}
  - form: nothing
  - form{"name": null}
> more

## two
> more{"known": true}
* greet: hi from [Oslo](city)
  - utter_bye

>> three
* bye
  - utter_bye
"""


@pytest.fixture
def domain(domain_file):
    return read_domain([domain_file])


def told(data):
    return [(s.name, s.events, s.start_checkpoints, len(s.end_checkpoints)) for s in data.steps]


def test_markdown_tells_the_same_stories_as_yaml(written, domain):
    yaml = read_stories([written("stories.yml", YAML)], domain)
    markdown = read_stories([written("stories.md", MARKDOWN)], domain)
    assert told(markdown) == told(yaml)
    assert [step.name for step in markdown.rule_steps] == ["three"]


def test_alternatives_branch_and_meet_again(written, domain):
    steps = read_stories([written("stories.yml", YAML)], domain).steps
    first, second, third = steps[:3]
    assert [first.events[-1].intent, second.events[-1].intent] == ["inform", "bye"]
    assert first.end_checkpoints == second.end_checkpoints == third.start_checkpoints
    assert third.events == [
        ActionExecuted("city_form"),
        ActiveLoop("city_form"),
        SlotSet("known", True),
        ActiveLoop(None),
    ]


def test_a_text_beside_an_intent_is_kept_with_its_annotations(written, domain):
    last = read_stories([written("stories.yml", YAML)], domain).steps[-1]
    event = last.events[0]
    assert isinstance(event, UserUttered)
    assert (event.intent, event.text) == ("greet", "hi from Oslo")
    assert [(e.entity, e.value, e.start, e.end) for e in event.entities] == [
        ("city", "Oslo", 8, 12)
    ]


def test_equal_events_of_many_stories_are_one_object_but_true_is_not_1(written, domain):
    stories = "stories:\n" + "".join(
        f"- story: s{value}\n  steps:\n  - intent: greet\n  - slot_was_set: [{{known: {value}}}]\n"
        for value in ("true", "1", "true")
    )
    steps = read_stories([written("stories.yml", 'version: "3.1"\n' + stories)], domain).steps
    assert steps[0].events[0] is steps[1].events[0]
    assert steps[0].events[1] is steps[2].events[1]
    assert [step.events[1].value for step in steps] == [True, 1, True]
    assert type(steps[1].events[1].value) is int


def test_all_unknown_names_are_reported_together_with_their_places(written, domain):
    path = written(
        "stories.yml",
        'version: "3.1"\nstories:\n- story: lost\n  steps:\n  - intent: nowhere\n'
        "    entities: [thing]\n  - action: utter_nothing\n  - slot_was_set: [{hole: 1}]\n"
        "  - active_loop: odd_form\n  - intent: nowhere\n  - action: utter_hello\n",
    )
    with pytest.raises(InputError) as error:
        read_stories([path], domain)
    lines = str(error.value).split("\n")
    assert lines[0].startswith("The stories use 5 name(s)")
    assert lines[1:] == [
        f"  intent 'nowhere', first at {path}:5 in 'lost'",
        f"  entity 'thing', first at {path}:5 in 'lost'",
        f"  action 'utter_nothing', first at {path}:7 in 'lost'",
        f"  slot 'hole', first at {path}:8 in 'lost'",
        f"  form 'odd_form', first at {path}:9 in 'lost'",
    ]


def test_stories_are_found_in_folders_beside_other_files(written, tmp_path):
    written("data/nlu.yml", 'version: "3.1"\nnlu: []\n')
    written("data/nlu.md", "## intent:greet\n- hi\n")
    written("data/README.md", "# Stories\n\nSome prose.\n\n* a list\n- more\n")
    rules = written("data/deep/rules.yml", 'version: "3.1"\nrules: []\n')
    stories = written("data/stories.md", MARKDOWN)
    assert find_story_files([tmp_path / "data"]) == [rules, stories]


@pytest.mark.parametrize(
    ("steps", "line", "words"),
    [
        ("  - intnt: greet\n", 5, "expected a step"),
        ("  - intent: ''\n", 5, "'intent' in 'bad'"),
        ("  - action: restart\n", 5, "an event, not of an action"),
        ("  - action:\n", 5, "must be a name"),
        ("  - or: []\n", 5, "is empty"),
        ("  - or:\n    - action: utter_hello\n", 6, "takes '- intent:'"),
        ("  - intent: greet\n    entities: [{city: a, name: b}]\n", 5, "'- NAME: VALUE'"),
        ("  - intent: greet\n  - slot_was_set: {known: true}\n", 6, "must be a list"),
        ("  - user: '/greet{\"city\": }'\n", 5, "not valid JSON"),
        ('  - user: \'in [Rome]{"role": "to"}\'\n', 5, 'no "entity"'),
        ("  - checkpoint: c\n    slot_was_set: [known]\n", 6, "must be a map"),
        ("  - hello\n", 5, "expected a step"),
        ("  - intent: greet\n  other: 1\n", 6, "'other' is not known"),
    ],
)
def test_a_bad_story_is_refused_with_file_and_line(written, domain, steps, line, words):
    path = written("s.yml", f'version: "3.1"\nstories:\n- story: bad\n  steps:\n{steps}')
    with pytest.raises(InputError) as error:
        read_stories([path], domain)
    assert words in str(error.value)
    assert str(error.value).startswith(f"{path}:{line}:")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("## bad\n! what\n", ":2: expected '* intent'"),
        ("* greet\n  - utter_hello\n", ":1: expected '## name"),
        ('## bad\n* greet{"city": }\n', ":2: the braces in 'bad'"),
        ("##\n* greet\n", ":1: the story has no name"),
    ],
)
def test_bad_markdown_is_refused_with_file_and_line(written, domain, text, words):
    path = written("s.md", text)
    with pytest.raises(InputError) as error:
        list(iter_story_markdown(path, StoryReading(domain)))
    assert words in str(error.value)


def test_a_folder_without_stories_and_a_missing_one_are_refused(tmp_path, domain):
    with pytest.raises(InputError, match="no stories here"):
        read_stories([tmp_path], domain)
    with pytest.raises(InputError, match="no such file"):
        read_stories([tmp_path / "nothing"], domain)
