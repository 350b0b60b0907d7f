"""Reads YAML as a stream of events with line numbers, so that a large file never is in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.yaml_values import Mapping, Node, Scalar, Sequence

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STARTS = (MappingStartEvent, SequenceStartEvent)
_ENDS = (MappingEndEvent, SequenceEndEvent)


class YamlEvents:
    """The events of one file, lines counted from 1; an `InputError` names file and line."""

    def __init__(self, path: Path, loader: yaml.SafeLoader) -> None:
        self.path = path
        self._loader = loader
        self._anchors: dict[str, Node] = {}

    def source(self, line: int) -> str:
        """`file:line`."""
        return f"{self.path}:{line}"

    def line(self) -> int:
        """The line of the next event."""
        return self.peek().start_mark.line + 1

    def peek(self) -> Event:
        """The next event, which stays."""
        return self._checked(self._loader.peek_event)

    def take(self) -> Event:
        """The next event, which is consumed."""
        return self._checked(self._loader.get_event)

    def _checked(self, read: Callable[[], Event]) -> Event:
        try:
            return read()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = " ".join(filter(None, (error.context, error.problem)))
            raise InputError(
                f"{self.source(mark.line + 1)}: not valid YAML: {problem}; correct the file there"
            ) from error
        except yaml.reader.ReaderError as error:
            raise InputError(
                f"{self.path}: not readable as UTF-8 text: {error.reason} "
                f"at byte {error.position}; save the file as UTF-8"
            ) from error

    def at_end(self) -> bool:
        """Whether the map or list being read ends here; the end is then consumed."""
        if isinstance(self.peek(), _ENDS):
            self.take()
            return True
        return False

    def enter_document(self) -> bool:
        """Goes to the root node of the file; False if the file is empty."""
        event = self.take()
        while isinstance(event, StreamStartEvent):
            event = self.take()
        return isinstance(event, DocumentStartEvent)

    def enter_mapping(self) -> bool:
        """Goes into the map that is the root of the file; False if there is none."""
        return self.enter_document() and isinstance(self.take(), MappingStartEvent)

    def expect_one_document(self) -> None:
        """After the root node: refuses a second document, which would be lost."""
        self.take()
        if not isinstance(self.peek(), StreamEndEvent):
            raise InputError(
                f"{self.source(self.line())}: a second YAML document starts here; "
                "put it into a file of its own"
            )

    def keys(self) -> Iterator[Scalar]:
        """The keys of the map whose start was consumed; the caller consumes each value."""
        seen: set[str] = set()
        while not self.at_end():
            key = self.compose()
            if not isinstance(key, Scalar):
                raise InputError(
                    f"{self.source(key.line)}: a key must be a word; received {key.shown()}"
                )
            if key.value in seen:
                raise InputError(
                    f"{self.source(key.line)}: the key {key.value!r} stands twice in one map; "
                    "remove one of them or merge the two"
                )
            seen.add(key.value)
            yield key

    def skip(self) -> None:
        """Consumes a whole node."""
        depth = 0
        while True:
            event = self.take()
            depth += isinstance(event, _STARTS) - isinstance(event, _ENDS)
            if depth == 0:
                return

    def compose(self) -> Node:
        """Consumes a whole node and returns it."""
        event = self.take()
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            return self._anchored(event.anchor, line)
        node: Node
        if isinstance(event, ScalarEvent):
            style = event.style or (None if event.implicit[0] else event.tag)  # of `!!str 5`
            node = Scalar(event.value, line, style)
        elif isinstance(event, SequenceStartEvent):
            node = Sequence([], line)
            while not self.at_end():
                node.items.append(self.compose())
        else:
            node = Mapping({}, line)
            for key in self.keys():
                node.items[key.value] = self.compose()
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _anchored(self, anchor: str, line: int) -> Node:
        if anchor not in self._anchors:
            raise InputError(
                f"{self.source(line)}: the alias *{anchor} points outside the section being read; "
                "write the value out"
            )
        return self._anchors[anchor]


@contextmanager
def open_events(path: Path) -> Iterator[YamlEvents]:
    """The events of a UTF-8 file; a byte order mark and Windows line ends are fine."""
    with path.open("rb") as stream:
        loader = _Loader(stream)
        try:
            yield YamlEvents(path, loader)
        finally:
            loader.dispose()
