"""A small project with stories, for TED or for the model of unexpected intents."""

from __future__ import annotations

from pathlib import Path

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
UNEXPECTED = """
policies:
  - name: UnexpecTEDIntentPolicy
    max_history: 5
    epochs: 4
    batch_size: [6, 11]
    transformer_size: {text: 16, dialogue: 16}
    number_of_attention_heads: 2
    number_of_negative_examples: 5
    random_seed: 3
    drop_rate_dialogue: 0
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


def add_dialogues(project: Path, policies: str = POLICIES) -> None:
    """Add policies, a domain and stories to a project of messages."""
    with (project / "config.yml").open("a", encoding="utf-8") as config:
        config.write(policies)
    (project / "domain.yml").write_text(DOMAIN, encoding="utf-8")
    (project / "data" / "stories.yml").write_text(_stories(), encoding="utf-8")
