"""What an intent name as written in a file means: a base intent and perhaps a response key."""

from __future__ import annotations

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.annotations import parse_example
from data_pipeline.rasa_files.training_items import Message, Synonym

RESPONSE_DELIMITER = "/"


def split_intent(name: str, source: str) -> tuple[str, str | None]:
    """`faq/ask_hours` gives `("faq", "faq/ask_hours")`, a plain name `(name, None)`.

    Mirrors `Message.separate_intent_response_key`.

    Raises:
        InputError: the name is empty or has more than one `/`.
    """
    name = name.strip()
    base, *rest = name.split(RESPONSE_DELIMITER)
    base = base.strip()
    if not base:
        raise InputError(f"{source}: the intent has no name; received {name!r}; give it one")
    if len(rest) > 1:
        raise InputError(
            f"{source}: an intent name holds at most one '/' (a retrieval intent); "
            f"received {name!r}; use another sign such as '_'"
        )
    return base, (name if rest and rest[0] else None)


def annotated_message(
    example: str, intent: tuple[str, str | None], source: str
) -> tuple[Message, list[Synonym]]:
    """The message that an annotated example of the intent stands for, and its synonyms."""
    text, entities, synonyms = parse_example(example, source)
    return Message(text, intent[0], entities, intent[1], source), synonyms
