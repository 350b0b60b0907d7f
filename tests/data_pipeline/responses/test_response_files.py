"""What the bot can say, read as Rasa reads it, and which response a label stands for."""

import pytest

from data_pipeline.errors import InputError
from data_pipeline.responses.response_files import read_responses
from data_pipeline.responses.responses import Responses
from data_pipeline.responses.retrieval_intents import count_response_keys

NLU = """
version: "3.1"
nlu:
- intent: faq/hours
  examples: |
    - when
responses:
  utter_faq/hours:
  - text: from 9
  - text: from 10
  utter_faq/logo:
  - image: logo.png
  utter_faq/price:
  - text: 5
    buttons:
    - {title: "yes", payload: /affirm}
"""
DOMAIN = """
responses:
  utter_faq/hours:
  - text: always
  utter_chat/joke:
  - text: knock
  utter_greet:
  - text: hi
"""
MARKDOWN = """
<!-- responses of Rasa 1 -->
## ask hours
* faq/hours
  - from 9 to 17
  - all day
## ask price
* faq/price
    - 5 euros
"""


@pytest.fixture
def read(tmp_path):
    def written(**files):
        for name, text in files.items():
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            (folder / ("r.md" if "##" in text else "r.yml")).write_text(text, encoding="utf-8")
        return read_responses([tmp_path / "nlu"], [tmp_path / "domain"])

    return written


def test_responses_of_the_domain_take_the_place_of_those_of_nlu_files(read):
    responses = read(nlu=NLU, domain=DOMAIN)
    assert list(responses.variations) == [
        "utter_faq/hours",
        "utter_faq/logo",
        "utter_faq/price",
        "utter_chat/joke",
    ], "of the domain only those of retrieval intents count"
    assert responses.of_key("faq/hours") == [{"text": "always"}]
    assert responses.of_key("faq/price") == [
        {"text": "5", "buttons": [{"title": "yes", "payload": "/affirm"}]}
    ]
    assert Responses.from_json(responses.to_json()) == responses


def test_a_key_is_known_by_its_last_text_or_else_by_its_name(read):
    responses = read(nlu=NLU, domain="version: '3.1'\n")
    assert responses.text_of("faq/hours") == "from 10"
    assert responses.text_of("faq/logo") == "utter_faq/logo"
    assert responses.text_of("faq/other") is None


def test_a_label_is_resolved_to_a_key(read):
    responses = read(nlu=NLU, domain=DOMAIN.replace("always", "5"))
    assert responses.key_of("faq/logo") == "faq/logo"
    assert responses.key_of("knock") == "chat/joke"
    assert responses.key_of("5") == "faq/hours", "the first of two with that text"
    assert responses.key_of("nobody says this") == "nobody says this"
    assert responses.of_key("faq/other") == [{"text": "faq/other"}]


def test_markdown_of_rasa_1(read):
    responses = read(nlu=MARKDOWN, domain=DOMAIN.replace("utter_faq/hours", "utter_faq/x"))
    assert responses.of_key("faq/hours") == [{"text": "from 9 to 17"}, {"text": "all day"}]
    assert responses.of_key("faq/price") == [{"text": "5 euros"}]


def test_stories_in_markdown_are_no_responses(read):
    stories = '## path\n* greet\n  - utter_greet\n* ask{"a": "b/c"}\n  - utter_ask\n'
    assert not read(nlu=stories, domain="version: '3.1'\n").variations


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        ("responses: [utter_a]", "r.yml:1: 'responses' must be a map; received a list"),
        ("responses: {utter_a: hi}", "r.yml:1: the response 'utter_a' must be a list"),
        ("responses:\n  utter_a:\n  - hi", "r.yml:3: a variation of the response 'utter_a'"),
        ("responses:\n  utter_a:\n  - text: [a]", "r.yml:3: 'text' of the response 'utter_a'"),
    ],
)
def test_what_is_not_shaped_like_responses_is_refused(read, responses, message):
    with pytest.raises(InputError) as error:
        read(nlu=responses, domain=DOMAIN)
    assert message in str(error.value)


def test_examples_are_counted_by_key(tmp_path):
    (tmp_path / "nlu.yml").write_text(NLU)
    counts = count_response_keys([tmp_path])
    assert counts == {"faq/hours": 1}
    (tmp_path / "nlu.yml").write_text(NLU.replace("faq/hours\n  examples", "greet\n  examples"))
    assert not count_response_keys([tmp_path]), "without retrieval intents nothing is counted"
