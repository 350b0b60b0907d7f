"""Small domains and stories that between them hold every construct Rasa's story format has."""

from __future__ import annotations

from typing import Any

PLAIN_DOMAIN = """
version: "3.1"
intents: [greet, bye, inform, deny, affirm]
entities: [city, name]
actions: [utter_hello, utter_bye, utter_ask, utter_more, action_search]
"""

DOMAINS = {
    "slots": """
version: "3.1"
intents: [inform, bye]
entities: [city, amount, tags]
slots:
  city: {type: text, mappings: [{type: from_entity, entity: city}]}
  tags: {type: list, mappings: [{type: from_entity, entity: tags}]}
  member: {type: bool, mappings: [{type: custom}]}
  amount:
    type: float
    min_value: 2
    max_value: 12
    mappings: [{type: from_entity, entity: amount}]
  size: {type: categorical, values: [Small, big, true, 3], mappings: [{type: custom}]}
  colour: {type: categorical, values: [red], initial_value: red, mappings: [{type: custom}]}
  notes: {type: any, mappings: [{type: custom}]}
  silent: {type: text, influence_conversation: false, mappings: [{type: custom}]}
  in_form:
    type: text
    mappings: [{type: from_entity, entity: city, conditions: [{active_loop: f}]}]
  outside:
    type: text
    mappings: [{type: from_entity, entity: city, conditions: [{active_loop: null}]}]
actions: [act]
responses: {utter_z: [{text: z}], utter_a: [{text: a}]}
forms: {f: {required_slots: [in_form]}}
""",
    "entities": """
version: "3.1"
intents:
- all
- none: {use_entities: []}
- no: {use_entities: false}
- some: {use_entities: [city, hidden]}
- without: {ignore_entities: [city]}
- both: {use_entities: [city, time], ignore_entities: [city]}
entities:
- time
- city: {roles: [to, from], groups: ["1", "2"]}
- hidden: {influence_conversation: false, roles: [r]}
- area
slots:
  to: {type: text, mappings: [{type: from_entity, entity: city, role: to}]}
  first: {type: list, mappings: [{type: from_entity, entity: city, group: "1"},
                                {type: from_entity, entity: area}]}
actions: [act, action_listen, utter_b]
responses: {utter_b: [{text: b}], utter_a: [{text: a}]}
""",
    "forms": """
version: "3.1"
intents: [greet, inform, stop]
entities: [city]
slots:
  city: {type: text, mappings: [{type: from_entity, entity: city}]}
actions: [utter_hello, utter_submit, utter_sorry]
forms: {city_form: {required_slots: [city]}, other_form: {required_slots: []}}
""",
    "silent_entities": """
version: "3.1"
config: {store_entities_as_slots: false}
intents: [inform]
entities: [city]
slots: {city: {type: text, mappings: [{type: from_entity, entity: city}]}}
actions: [act]
""",
}

SLOT_STORIES = """
version: "3.1"
stories:
- story: every type
  steps:
  - intent: inform
    entities: [{city: Rome}, {city: Oslo}, {amount: 7}, {tags: a}, {tags: b}]
  - action: act
  - slot_was_set: [{member: true}, {size: SMALL}, {notes: x}, {silent: y}]
  - action: act
  - slot_was_set: [{member: "0"}, {size: unknown}, {tags: []}, {amount: 100}]
  - action: act
  - slot_was_set: [{member: maybe}, {size: true}, {tags: one}, {amount: many}, {colour: null}]
  - action: act
  - slot_was_set: [{member: null}, {size: 3}, {city: null}, {amount: -1}, city, tags, member]
  - action: utter_a
  - intent: inform
    entities: [city, amount]
  - action: utter_z
"""

ONE_ENTITY_STORY = """
version: "3.1"
stories:
- story: one entity
  steps:
  - intent: inform
    entities: [{city: Rome}]
  - action: act
"""

ENTITY_STORIES = """
version: "3.1"
stories:
""" + "".join(
    f"""- story: {intent}
  steps:
  - intent: {intent}
    entities:
    - city: Rome
      role: to
    - city: Oslo
      group: "1"
    - city: Bonn
      role: from
      group: "2"
    - hidden: h
      role: r
    - time: now
    - area
  - action: act
  - action: utter_b
"""
    for intent in ("all", "none", "no", "some", "without", "both")
)

CHECKPOINT_STORIES = """
version: "3.1"
stories:
- story: beginning
  steps:
  - intent: greet
  - slot_was_set: [{known: true}]
  - action: utter_hello
  - checkpoint: greeted
- story: beginning unknown
  steps:
  - intent: greet
  - action: utter_ask
  - checkpoint: greeted
- story: known only
  steps:
  - checkpoint: greeted
    slot_was_set: [{known: true}]
  - intent: inform
  - action: action_search
- story: either way
  steps:
  - checkpoint: greeted
  - intent: deny
  - action: utter_more
  - checkpoint: asked
- story: goes on, and on elsewhere
  steps:
  - checkpoint: asked
  - intent: affirm
  - action: utter_hello
  - checkpoint: middle
  - intent: bye
  - action: utter_bye
- story: from two places
  steps:
  - checkpoint: middle
  - checkpoint: asked
  - intent: inform
  - action: utter_bye
- story: nowhere to go
  steps:
  - intent: deny
  - action: utter_more
  - checkpoint: dead end
- story: never reached
  steps:
  - checkpoint: no such place
  - intent: bye
  - action: utter_bye
"""

CYCLE_STORIES = """
version: "3.1"
stories:
- story: start
  steps:
  - intent: greet
  - action: utter_hello
  - checkpoint: round
- story: circle
  steps:
  - checkpoint: round
  - or:
    - intent: inform
    - intent: deny
  - action: utter_more
  - checkpoint: round
- story: longer circle
  steps:
  - checkpoint: round
  - intent: affirm
  - action: utter_ask
  - checkpoint: half way
- story: back again
  steps:
  - checkpoint: half way
  - intent: affirm
  - action: action_search
  - checkpoint: round
- story: out
  steps:
  - checkpoint: round
  - intent: bye
  - action: utter_bye
"""

OR_STORIES = """
version: "3.1"
stories:
- story: intents
  steps:
  - action: utter_hello
  - or:
    - intent: greet
    - intent: inform
      entities: [{name: Ann}]
    - intent: /deny
  - action: utter_ask
  - or:
    - intent: affirm
    - intent: deny
  - action: utter_bye
- story: slots
  steps:
  - intent: greet
  - or:
    - slot_was_set: [{known: true}]
    - slot_was_set: [{known: false}]
    - slot_was_set: [known]
  - action: utter_hello
- story: only one
  steps:
  - or:
    - intent: bye
  - action: utter_bye
- story: the same twice
  steps:
  - or:
    - intent: bye
    - intent: greet
  - action: utter_bye
- story: the same twice
  steps:
  - or:
    - intent: bye
    - intent: greet
  - action: utter_more
"""

FORM_STORIES = """
version: "3.1"
stories:
- story: happy
  steps:
  - intent: greet
  - action: city_form
  - active_loop: city_form
  - intent: inform
  - action: city_form
  - intent: inform
    entities: [{city: Rome}]
  - action: city_form
  - active_loop: null
  - action: utter_submit
- story: unhappy
  steps:
  - intent: greet
  - action: city_form
  - active_loop: city_form
  - intent: stop
  - action: utter_sorry
  - action: city_form
  - intent: inform
    entities: [{city: Rome}]
  - action: city_form
  - active_loop: null
  - action: utter_submit
- story: another form, and the first again
  steps:
  - intent: inform
  - action: other_form
  - active_loop: other_form
  - active_loop: null
  - action: city_form
  - active_loop: city_form
  - action: action_unlikely_intent
  - slot_was_set: [{requested_slot: city}]
  - intent: inform
  - action: action_listen
"""

END_TO_END_STORIES = """
version: "3.1"
stories:
- story: texts
  steps:
  - user: "I am in [Rome](city) with [Ann]{'entity': 'name'}"
  - bot: "Welcome to the city!"
  - intent: greet
    user: "hello there"
  - action: utter_hello
  - user: "and now?"
  - bot: "Bye!"
- story: mixed
  steps:
  - intent: inform
    entities: [{city: Rome}]
  - bot: "Welcome to the city!"
  - user: "/greet"
  - action: utter_ask
""".replace("'", '\\"')

RULES = """
version: "3.1"
rules:
- rule: said in passing
  condition: [{slot_was_set: [{known: true}]}]
  steps:
  - intent: bye
  - action: utter_bye
  wait_for_user_input: false
"""

GLUED_STORIES = (
    """
version: "3.1"
stories:
"""
    + "".join(
        f"- story: s{number}\n  steps:\n  - intent: {intent}\n  - action: {action}\n"
        for number, (intent, action) in enumerate(
            [
                ("greet", "utter_hello"),
                ("greet", "utter_ask"),
                ("bye", "utter_bye"),
                ("inform", "action_search"),
                ("deny", "utter_more"),
                ("affirm", "utter_ask"),
                ("greet", "utter_hello"),
            ]
        )
    )
    + """- story: bot first
  steps:
  - action: utter_ask
  - intent: inform
  - action: utter_more
"""
)

KNOWN_SLOT = PLAIN_DOMAIN + "slots: {known: {type: bool, mappings: [{type: custom}]}}\n"

CASES: dict[str, dict[str, Any]] = {
    "slots": {"domain": DOMAINS["slots"], "stories": SLOT_STORIES},
    "entities": {"domain": DOMAINS["entities"], "stories": ENTITY_STORIES},
    "silent_entities": {
        "domain": DOMAINS["silent_entities"],
        "stories": ONE_ENTITY_STORY,
    },
    "checkpoints": {"domain": KNOWN_SLOT, "stories": CHECKPOINT_STORIES},
    "cycles": {"domain": PLAIN_DOMAIN, "stories": CYCLE_STORIES},
    "alternatives": {"domain": KNOWN_SLOT, "stories": OR_STORIES},
    "forms": {"domain": DOMAINS["forms"], "stories": FORM_STORIES, "max_history": 4},
    "end_to_end": {"domain": PLAIN_DOMAIN, "stories": END_TO_END_STORIES},
    "rules_are_left_out": {"domain": KNOWN_SLOT, "stories": OR_STORIES, "rules": RULES},
    "short_history": {"domain": PLAIN_DOMAIN, "stories": CYCLE_STORIES, "max_history": 2},
    "glued": {"domain": PLAIN_DOMAIN, "stories": GLUED_STORIES, "augmentation_factor": 3},
    "glued_with_checkpoints": {
        "domain": KNOWN_SLOT,
        "stories": CHECKPOINT_STORIES + GLUED_STORIES.split("stories:\n")[1],
        "augmentation_factor": 2,
        "max_history": 5,
    },
}
