"""What NLU training data adds to a domain: the responses of retrieval intents."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.finding import files_below, has_top_level_key
from data_pipeline.rasa_files.nlu_files import find_nlu_files, iter_nlu_file
from data_pipeline.rasa_files.training_items import Message
from data_pipeline.rasa_files.yaml_events import open_events
from data_pipeline.rasa_files.yaml_values import Mapping


def with_nlu_responses(domain: Domain, nlu_paths: Iterable[str | Path]) -> Domain:
    """The domain with the actions that NLU files bring along, as Rasa has it while training.

    An example of `faq/ask_hours` adds the action `utter_faq`; each name under `responses:` is an
    action, too.

    Raises:
        InputError: a path does not exist, or a file is not shaped like NLU data.
    """
    paths = [Path(path) for path in nlu_paths]
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; correct the path of the NLU data")
    retrieval_intents = {
        item.intent
        for file in find_nlu_files(paths)
        for item in iter_nlu_file(file)
        if isinstance(item, Message) and item.response_key and item.intent
    }
    files = dict.fromkeys(file for path in paths for file in files_below(path))
    responses = {
        name
        for file in files
        if has_top_level_key(file, ["responses"])
        for name in _responses(file)
    }
    return domain.with_nlu_responses(retrieval_intents, responses)


def _responses(path: Path) -> list[str]:
    """The names under `responses:` at the top of a YAML file."""
    with open_events(path) as events:
        if not events.enter_mapping():
            return []
        for key in events.keys():
            if key.value == "responses":
                node = events.compose()
                return list(node.items) if isinstance(node, Mapping) else []
            events.skip()
    return []
