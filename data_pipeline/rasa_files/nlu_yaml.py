"""Reads NLU training data from Rasa's YAML format, one example at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from yaml.events import MappingStartEvent, SequenceStartEvent

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.intent_names import annotated_message, split_intent
from data_pipeline.rasa_files.training_items import LookupTable, RegexPattern, Synonym, TrainingItem
from data_pipeline.rasa_files.yaml_events import YamlEvents, open_events
from data_pipeline.rasa_files.yaml_values import Mapping, Node, Scalar, Sequence, is_null, is_text
from data_pipeline.warnings_to_user import note, warn

NEWEST_VERSION = (3, 1)
"""Of the training-data format: Rasa's `LATEST_TRAINING_DATA_FORMAT_VERSION`."""

SECTIONS = ("intent", "synonym", "regex", "lookup")
STRIPPED = "\n\r "
BLOCK_HINT = "write 'examples: |' and one '- example' per line below it"


def iter_nlu_yaml(path: Path) -> Iterator[TrainingItem]:
    """Yields what the `nlu:` key of a file holds; other keys are for other readers.

    Mirrors `rasa.shared.nlu.training_data.formats.rasa_yaml.RasaYAMLReader`. Messages, synonyms and
    patterns come in file order; lookup tables come last, because several sections of a file may
    add to one table.

    Raises:
        InputError: the file is not YAML or not shaped like training data.
    """
    with open_events(path) as events:
        yield from _NluYaml(events).items()


def version_is_readable(version: str | None, path: Path) -> bool:
    """Whether a file of this format version is read; what is odd about it is logged.

    Mirrors `rasa.shared.utils.validation.validate_training_data_format_version`.
    """
    newest = ".".join(map(str, NEWEST_VERSION))
    if version is None:
        note(path, f"no 'version' key; read as version {newest}")
        return True
    if not re.fullmatch(r"\d+(\.\d+)*", version):
        warn(f"{path}: version {version!r} is not a version; read as {newest}")
        return True
    parsed = tuple(map(int, version.split(".")))
    if parsed > NEWEST_VERSION:
        warn(
            f"{path}: skipped, because its format version {version} is newer than {newest}, the "
            "newest known here"
        )
        return False
    if parsed < NEWEST_VERSION:
        note(path, f"format version {version} is older; read as {newest}")
    return True


class _NluYaml:
    """Goes once through the events of a file."""

    def __init__(self, events: YamlEvents) -> None:
        self._events = events
        self._lookups: dict[str, list[str]] = {}

    def items(self) -> Iterator[TrainingItem]:
        events = self._events
        if not events.enter_document():
            return
        if not isinstance(events.peek(), MappingStartEvent):
            root = events.compose()
            if is_null(root):
                return
            raise self._error(root.line, "the file must be a map with the key 'nlu'", root)
        events.take()
        version_checked = False
        for key in events.keys():
            if key.value == "version":
                if not version_is_readable(self._version(), events.path):
                    if version_checked:
                        raise InputError(
                            f"{events.source(key.line)}: 'version' names a format that is not "
                            "known here, and stands below 'nlu'; move it to the top of the file"
                        )
                    return
                version_checked = True
            elif key.value == "nlu":
                if not version_checked:
                    version_checked = True
                    version_is_readable(None, events.path)
                yield from self._nlu()
            else:
                events.skip()
        events.expect_one_document()
        for name, elements in self._lookups.items():
            yield LookupTable(name, tuple(elements))

    def _version(self) -> str | None:
        node = self._events.compose()
        if isinstance(node, Scalar):
            return None if is_null(node) else node.value.strip("\"' ")
        raise self._error(node.line, "'version' must be a string such as \"3.1\"", node)

    def _nlu(self) -> Iterator[TrainingItem]:
        events = self._events
        if not isinstance(events.peek(), SequenceStartEvent):
            node = events.compose()
            if is_null(node):
                return
            raise self._error(node.line, "'nlu' must be a list of '- intent: ...' sections", node)
        events.take()
        while not events.at_end():
            if isinstance(events.peek(), MappingStartEvent):
                yield from self._section(events.take().start_mark.line + 1)
            else:
                node = events.compose()
                if isinstance(node, Mapping):
                    yield from self._composed(node.items, node.line)
                elif not is_null(node):
                    raise self._error(node.line, "a section of 'nlu' must be a map", node)

    def _section(self, line: int) -> Iterator[TrainingItem]:
        """Reads one section; a list of examples after its `intent` is not gathered first."""
        events = self._events
        nodes: dict[str, Node] = {}
        streamed = False
        for key in events.keys():
            is_list = isinstance(events.peek(), SequenceStartEvent)
            if key.value == "metadata":
                events.skip()
            elif key.value == "examples" and "intent" in nodes and is_list:
                intent = self._intent(nodes["intent"])
                streamed = True
                events.take()
                while not events.at_end():
                    yield from self._listed_example(events.compose(), intent)
            else:
                nodes[key.value] = events.compose()
        if not streamed:
            yield from self._composed(nodes, line)

    def _composed(self, nodes: dict[str, Node], line: int) -> Iterator[TrainingItem]:
        kind = next((section for section in SECTIONS if section in nodes), None)
        if kind is None:
            known = ", ".join(f"'{section}:'" for section in SECTIONS)
            received = Mapping(nodes, line)
            raise self._error(line, f"a section of 'nlu' needs one of {known}", received)
        examples = nodes.get("examples", Scalar("", line))
        if kind == "intent":
            yield from self._intent_items(self._intent(nodes["intent"]), examples)
        else:
            yield from self._named_items(kind, nodes[kind], examples)

    def _intent_items(
        self, intent: tuple[str, str | None], examples: Node
    ) -> Iterator[TrainingItem]:
        if isinstance(examples, Sequence):
            for node in examples.items:
                yield from self._listed_example(node, intent)
            return
        for source, text in self._block_lines(examples, intent[0]):
            message, synonyms = annotated_message(text, intent, source)
            yield message
            yield from synonyms

    def _named_items(self, kind: str, name: Node, examples: Node) -> Iterator[TrainingItem]:
        title = self._name(name, kind)
        for source, text in self._block_lines(examples, title):
            if kind == "synonym":
                yield Synonym(text, title)
            elif kind == "regex":
                yield RegexPattern(title, text, source)
            else:
                self._lookups.setdefault(title, []).append(text)

    def _intent(self, node: Node) -> tuple[str, str | None]:
        return split_intent(self._name(node, "intent"), self._events.source(node.line))

    def _name(self, node: Node, kind: str) -> str:
        if isinstance(node, Scalar) and not is_null(node) and node.value:
            return node.value
        raise self._error(node.line, f"'{kind}' must be followed by a name", node)

    def _listed_example(self, node: Node, intent: tuple[str, str | None]) -> Iterator[TrainingItem]:
        """One `{text: ..., metadata: ...}`."""
        text = node.items.get("text") if isinstance(node, Mapping) else None
        if not isinstance(text, Scalar) or is_null(text):
            raise self._error(
                node.line, f"a listed example must be 'text: ...'; or {BLOCK_HINT}", node
            )
        message, synonyms = annotated_message(
            text.value.strip(STRIPPED), intent, self._events.source(text.line)
        )
        if not message.text:
            warn(f"{message.source}: empty example of {intent[0]!r} dropped")
            return
        yield message
        yield from synonyms

    def _block_lines(self, node: Node, title: str) -> Iterator[tuple[str, str]]:
        """`(file:line, text)` of every example in a block string."""
        if is_null(node):
            warn(f"{self._events.source(node.line)}: {title!r} has no examples")
            return
        if not is_text(node):
            problem = f"'examples' of {title!r} must be text; {BLOCK_HINT}"
            raise self._error(node.line, problem, node)
        # Only a literal block keeps the file's lines; other text is placed by where it starts.
        first, step = (node.line + 1, 1) if node.style == "|" else (node.line, 0)
        for index, line in enumerate(node.value.splitlines()):
            source = f"{self._events.path}:{first + index * step}"
            text = line[1:].strip(STRIPPED)
            if line.startswith("-") and text:
                yield source, text
            elif line.strip():
                reason = "it is empty" if line.startswith("-") else "it does not begin with '-'"
                warn(f"{source}: line {line!r} of {title!r} dropped: {reason}")

    def _error(self, line: int, problem: str, received: Node) -> InputError:
        return InputError(f"{self._events.source(line)}: {problem}; received {received.shown()}")
