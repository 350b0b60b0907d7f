"""A tiny project with dialogues: what the tests of TED share."""

from __future__ import annotations

from pathlib import Path

POLICIES = """
policies:
  - name: RulePolicy
  - name: TEDPolicy
    max_history: 4
    epochs: 3
    batch_size: [5, 9]
    transformer_size: {text: 16, action_text: 16, label_action_text: 16, dialogue: 16}
    number_of_attention_heads: 2
    encoding_dimension: 8
    embedding_dimension: 8
    number_of_negative_examples: 5
    learning_rate: 1e-2
    random_seed: 3
"""
BY_HEART = (
    POLICIES.replace("epochs: 3", "epochs: 40")
    + """\
    connection_density: 1.0
    drop_rate_dialogue: 0
    scale_loss: false
"""
)
"""A TED that learns a few stories by heart, and is sure of them on any processor: every weight is
there, none is dropped, and what is nearly right is still learnt. Without glued stories
(`augmentation_factor=0`) an epoch is a few steps."""
UNEXPECTED = """\
  - name: UnexpecTEDIntentPolicy
    max_history: 4
    epochs: 3
    batch_size: [5, 9]
    transformer_size: {text: 16, dialogue: 16}
    number_of_attention_heads: 2
    encoding_dimension: 8
    embedding_dimension: 8
    number_of_negative_examples: 4
    learning_rate: 1e-2
    random_seed: 3
"""
"""A further policy of `POLICIES`."""
DOMAIN = """
version: "3.1"
intents: [fly, price, greet, bye, weather]
entities:
  - city:
      roles: [from, to]
slots:
  city:
    type: categorical
    values: [Rome, Oslo]
    mappings: [{type: from_entity, entity: city}]
responses:
  utter_hello: [{text: Hello}]
  utter_bye: [{text: Bye}]
  utter_price: [{text: A lot}]
  utter_sun: [{text: Sun}]
actions: [action_book, action_search]
"""
GREETING = """
- story: greeting {number}
  steps:
  - intent: greet
  - action: utter_hello
"""
FLIGHT = """
  - intent: fly
    entities:
    - city: {city}
  - action: action_search
  - intent: price
  - action: utter_price
  - intent: {last}
  - action: {answer}
"""
LAST = {"bye": "utter_bye", "weather": "utter_sun", "fly": "action_book"}


def stories() -> str:
    """Nine stories that greet, or do not, and end in three ways."""
    told = ['version: "3.1"', "stories:"]
    for number, (intent, answer) in enumerate(LAST.items()):
        for city in ("Rome", "Oslo"):
            told.append(GREETING.format(number=f"{number} {city}"))
            told.append(FLIGHT.format(city=city, last=intent, answer=answer))
        told.append(f"- story: short {number}\n  steps:")
        told.append(f"  - intent: {intent}\n  - action: {answer}")
    return "\n".join(told) + "\n"


def add_dialogues(project: Path, policies: str = POLICIES) -> Path:
    """Give a project of `make_project` a domain, stories and a TED."""
    with (project / "config.yml").open("a", encoding="utf-8") as config:
        config.write(policies)
    (project / "domain.yml").write_text(DOMAIN, encoding="utf-8")
    (project / "data" / "stories.yml").write_text(stories(), encoding="utf-8")
    return project
