"""Retrieval intents, responses and selectors for a small project of messages."""

from __future__ import annotations

from pathlib import Path

SELECTORS = """
  - name: ResponseSelector
    epochs: 4
    batch_size: [6, 9]
    hidden_layers_sizes: {text: [12, 8], label: [12, 8]}
    dense_dimension: {text: 12, label: 12}
    embedding_dimension: 6
    number_of_negative_examples: 5
    learning_rate: 1e-2
    random_seed: 3
  - name: ResponseSelector
    retrieval_intent: faq
    use_text_as_label: true
    epochs: 5
    batch_size: 6
    hidden_layers_sizes: {text: [], label: []}
    number_of_transformer_layers: 1
    transformer_size: 16
    number_of_attention_heads: 2
    dense_dimension: {text: 12, label: 12}
    embedding_dimension: 6
    number_of_negative_examples: 5
    use_masked_language_model: true
    random_seed: 3
"""
EXAMPLES = {
    "faq/hours": ["when are you open", "opening hours", "are you open now", "until when"],
    "faq/price": ["how much is it", "price please", "what does it cost", "is it 5 euros"],
    "faq/place": ["where are you", "your address", "which street", "how do I find you"],
    "chat/joke": ["a joke please", "are you funny", "make me laugh"],
    "chat/weather": ["is it sunny", "how is the weather", "will it rain"],
}
RESPONSES = """
responses:
  utter_faq/hours:
  - text: we are open from 9 to 17
  utter_faq/price:
  - text: it is 5 euros
  - text: five euros for you
    image: coin.png
  utter_faq/place:
  - text: Main Street 7
"""
DOMAIN = """
version: "3.1"
intents: [faq, chat]
responses:
  utter_chat/joke:
  - text: knock knock
  utter_chat/weather:
  - text: it is sunny
  utter_greet:
  - text: hi
"""


def add_faq(project: Path) -> Path:
    """Add two selectors, examples and responses to a project whose pipeline is the last section."""
    config = project / "config.yml"
    text = config.read_text(encoding="utf-8").rstrip("\n")
    config.write_text(text + SELECTORS, encoding="utf-8")
    lines = ['version: "3.1"', "nlu:"]
    for key, examples in EXAMPLES.items():
        lines += [f"- intent: {key}", "  examples: |", *(f"    - {e}" for e in examples)]
    faq = "\n".join(lines) + "\n" + RESPONSES
    (project / "data" / "faq.yml").write_text(faq, encoding="utf-8")
    (project / "domain.yml").write_text(DOMAIN, encoding="utf-8")
    return project
