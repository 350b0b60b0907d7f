"""What NLU training data adds to a domain: the responses of retrieval intents."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from data_pipeline.dialogue.domain.domain import IntentSettings
from data_pipeline.dialogue.domain.domain_sections import DomainSections
from data_pipeline.rasa_files.finding import files_below, has_top_level_key
from data_pipeline.rasa_files.nlu_files import find_nlu_files, iter_nlu_file
from data_pipeline.rasa_files.nlu_markdown import response_keys
from data_pipeline.rasa_files.text_files import read_text
from data_pipeline.rasa_files.training_items import Message
from data_pipeline.rasa_files.yaml_events import open_events
from data_pipeline.rasa_files.yaml_values import Mapping


def nlu_sections(nlu_paths: Iterable[str | Path]) -> DomainSections:
    """What NLU files bring along, as sections of a domain.

    An example of `faq/ask_hours` adds the intent `faq` and the action `utter_faq`; each name under
    `responses:` is an action, too. Mirrors
    `ResponsesSyncImporter._get_domain_with_retrieval_intents`; the order of several new actions,
    which is that of a Python set there, is alphabetical.

    Raises:
        InputError: a path does not exist, or a file is not shaped like NLU data.
    """
    paths = [Path(path) for path in nlu_paths]
    retrieval_intents = {
        item.intent
        for file in find_nlu_files(paths)
        for item in iter_nlu_file(file)
        if isinstance(item, Message) and item.response_key and item.intent
    }
    files = dict.fromkeys(file for path in paths for file in files_below(path))
    responses = (name for file in files for name in _responses(file))
    return DomainSections(
        # What the domain says of entities of a retrieval intent is lost, as in Rasa.
        intents={intent: IntentSettings() for intent in sorted(retrieval_intents)},
        actions=[f"utter_{intent}" for intent in sorted(retrieval_intents)],
        responses=list(dict.fromkeys(responses)),
    )


def _responses(path: Path) -> list[str]:
    """The names under `responses:` at the top of a YAML file, or of responses in Markdown."""
    if path.suffix.lower() == ".md":
        return [f"utter_{key}" for key in response_keys(read_text(path))]
    if not has_top_level_key(path, ["responses"]):
        return []
    with open_events(path) as events:
        events.enter_mapping()
        for key in events.keys():
            if key.value == "responses":
                node = events.compose()
                return list(node.items) if isinstance(node, Mapping) else []
            events.skip()
    return []
