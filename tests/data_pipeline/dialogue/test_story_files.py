"""Stories: both formats, files and folders, and what is wrong with bad ones."""

import pytest

from data_pipeline.dialogue.domain.domain_files import read_domain
from data_pipeline.dialogue.domain.events import ActionExecuted, ActiveLoop, SlotSet, UserUttered
from data_pipeline.dialogue.stories.story_files import find_story_files, read_stories
from data_pipeline.dialogue.stories.story_markdown import iter_story_markdown
from data_pipeline.dialogue.stories.story_reading import StoryReading
from data_pipeline.dialogue.trackers.states import user_state
from data_pipeline.errors import InputError
from data_pipeline.warnings_to_user import told_once

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

GREETED = UserUttered("greet")


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
    assert lines[0].startswith("The stories use 3 name(s)")
    assert lines[1:] == [
        f"  action 'utter_nothing', first at {path}:7 in 'lost'",
        f"  slot 'hole', first at {path}:8 in 'lost'",
        f"  form 'odd_form', first at {path}:9 in 'lost'",
    ]


def test_unknown_intents_and_entities_are_a_warning_as_in_rasa(written, domain, caplog):
    path = written(
        "stories.yml",
        'version: "3.1"\nstories:\n- story: lost\n  steps:\n  - intent: nowhere\n'
        "    entities: [thing]\n  - action: utter_hello\n",
    )
    data = read_stories([path], domain)
    assert data.steps[0].events[0].intent == "nowhere"
    places = [
        f"intent 'nowhere', first at {path}:5 in 'lost'",
        f"entity 'thing', first at {path}:5 in 'lost'",
    ]
    assert "2 name(s) that the domain does not have" in caplog.text
    assert "; ".join(places) in caplog.text


def test_unknown_slots_and_forms_are_a_warning_in_markdown_only(written, domain, caplog):
    """Rasa 1 and 2, which read Markdown, train without them; Rasa 3 refuses both in YAML."""
    path = written(
        "s.md", '## old\n* greet\n  - city_form\n  - form{"name": "odd"}\n  - slot{"hole": 1}\n'
    )
    assert len(read_stories([path], domain).steps) == 1
    assert "slot 'hole'" in caplog.text and "form 'odd'" in caplog.text
    with pytest.raises(InputError, match="action 'utter_nothing'"):
        read_stories([written("t.md", "## old\n* greet\n  - utter_nothing\n")], domain)


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
        ("  - action: restart\n", 5, "an event, not of an action"),
        ("  - or:\n    - action: utter_hello\n", 6, "takes '- intent:'"),
        ("  - intent: greet\n    entities: [{city: a, name: b}]\n", 5, "'- NAME: VALUE'"),
        ("  - intent: greet\n  - slot_was_set: {known: true}\n", 6, "must be a list"),
        ('  - user: \'in [Rome]{"role": "to"}\'\n', 5, 'no "entity"'),
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


GREET = "  - intent: greet\n"


@pytest.mark.parametrize(
    ("stories", "line", "words", "events"),
    [
        ("- story:\n  steps:\n" + GREET, 3, "a story without a name", [GREETED]),
        ("- story: ''\n  steps:\n" + GREET, 3, "a story without a name", [GREETED]),
        ("- steps:\n" + GREET, 3, "expected '- story: NAME'", []),
        ("- story: a\n", 3, "'a' has no steps", []),
        ("- story: a\n  steps: []\n", 3, "'a' has no steps", []),
        ("- story: a\n  steps:\n  - intent: ''\n", 5, "no name", [UserUttered("")]),
        ("- story: a\n  steps:\n  - intent:\n", 5, "no name", [UserUttered("")]),
        ("- story: a\n  steps:\n" + GREET + "  - action:\n", 6, "no name", [GREETED]),
        ("- story: a\n  steps:\n  - or: []\n" + GREET, 5, "is empty", [GREETED]),
        (
            "- story: a\n  steps:\n  - user: '/greet{\"city\": }'\n",
            *(5, "not valid JSON", [UserUttered(None, '/greet{"city": }')]),
        ),
        (
            "- story: a\n  steps:\n" + GREET + "  - checkpoint: c\n    slot_was_set: [known]\n",
            *(7, "the checkpoint is left out", [GREETED]),
        ),
    ],
)
def test_what_rasa_warns_of_is_a_warning_with_file_and_line(
    written, domain, caplog, stories, line, words, events
):
    """The events are those that Rasa 3.6.21 reads from such a file."""
    path = written("s.yml", f'version: "3.1"\nstories:\n{stories}')
    steps = read_stories([path], domain).steps
    assert [event for step in steps for event in step.events] == events
    warnings = [message for message in caplog.messages if words in message]
    assert len(warnings) == 1 and warnings[0].startswith(f"{path}:{line}: ")


def test_an_intent_without_a_name_is_not_seen(domain):
    assert user_state(UserUttered(""), domain) is None


@pytest.mark.parametrize("form", ["action: {}", "{}"])
def test_events_without_effect_are_left_out(written, domain, form):
    names = ("export", "followup", "pause", "resume")
    lines = "".join(f"  - {form.format(name)}\n" for name in names)
    path = written(
        "s.yml" if ":" in form else "s.md",
        f'version: "3.1"\nstories:\n- story: a\n  steps:\n{GREET}{lines}'
        if ":" in form
        else f'## a\n* greet\n{lines}  - followup{{"name": "utter_hello"}}\n',
    )
    assert read_stories([path], domain).steps[0].events == [GREETED]


def test_slots_can_be_emptied(written, domain):
    path = written("s.md", '## a\n* greet\n  - slot{"known": true}\n  - reset_slots\n')
    events = read_stories([path], domain).steps[0].events
    emptied = {event.slot: event.value for event in events[2:]}
    assert emptied == {name: slot.initial_value for name, slot in domain.slots.items()}


def test_a_default_action_of_rasa_1_has_its_new_name_in_markdown(written, domain):
    path = written("s.md", "## a\n* greet\n  - action_deactivate_form\n")
    events = read_stories([path], domain).steps[0].events
    assert events[1] == ActionExecuted("action_deactivate_loop")


def test_odd_lines_of_markdown_are_a_warning(written, domain, caplog):
    path = written("s.md", "Some words\n##\n* greet\n! what\n  - utter_hello\n")
    (step,) = iter_story_markdown(path, StoryReading(domain))
    assert step.events == [GREETED, ActionExecuted("utter_hello")]
    assert [message.split(": ")[0] for message in caplog.messages] == [
        f"{path}:{line}" for line in (1, 2, 4)
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("* greet\n  - utter_hello\n", ":1: expected '## name"),
        ('## bad\n* greet{"city": }\n', ":2: the braces in 'bad'"),
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


def test_what_is_assumed_of_old_files_is_said_once_for_all_of_them(written, caplog):
    caplog.set_level("INFO")
    domain_file = written("domain.yml", 'version: "2.0"\nintents: [greet]\nactions: [a]\n')
    for name in ("one", "two"):
        written(f"data/{name}.md", f"## {name}\n* greet\n  - a\n")
        written(f"data/nlu_{name}.md", "## intent:greet\n- hi\n")
        step = "  steps: [{intent: greet}]\n"
        written(f"data/{name}.yml", f'version: "2.0"\nstories:\n- story: {name}\n{step}')
    with told_once():
        data = domain_file.parent / "data"
        read_stories([data], read_domain([domain_file], [data]))
    assert [message.split(": ")[-1] for message in caplog.messages] == [
        "format version 2.0 is older; read as 3.1",
        "NLU data in Markdown is read as Rasa 1 does.",
        "stories in Markdown are read as Rasa 2 does.",
    ]
