"""Reads domain files: `domain.yml`, or a folder of files that together are the domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from data_pipeline.dialogue.domain.domain import Domain, EntityType, IntentSettings
from data_pipeline.dialogue.domain.domain_sections import DomainSections
from data_pipeline.dialogue.domain.domain_slots import SlotReader
from data_pipeline.dialogue.domain.nlu_responses import nlu_sections
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.finding import find_files, has_top_level_key
from data_pipeline.rasa_files.nlu_yaml import version_is_readable
from data_pipeline.rasa_files.yaml_files import read_document
from data_pipeline.rasa_files.yaml_values import (
    Mapping,
    Node,
    Scalar,
    expect_mapping,
    expect_name,
    expect_sequence,
    expect_truth,
    is_null,
    scalar_value,
)
from data_pipeline.warnings_to_user import note, warn

Settings = TypeVar("Settings")

SECTIONS = ("intents", "entities", "slots", "actions", "responses", "forms", "e2e_actions")


def read_domain(paths: Iterable[str | Path], nlu_paths: Iterable[str | Path] = ()) -> Domain:
    """The domain in these files and, recursively, folders, merged as Rasa merges them.

    Rasa 2's form of a domain is taken, too; what was assumed is logged.

    Args:
        nlu_paths: files and folders of NLU data, which adds to the domain (`nlu_sections`).

    Raises:
        InputError: a path does not exist, holds no domain, or a file is not shaped like one.
    """
    sections = DomainSections()
    for number, file in enumerate(find_domain_files(paths)):
        read = _DomainFile(file).sections()
        sections = sections.merged(read) if number else read
    nlu_paths = list(nlu_paths)
    if nlu_paths:
        sections = nlu_sections(nlu_paths).merged(sections)
    return sections.domain()


def find_domain_files(paths: Iterable[str | Path]) -> list[Path]:
    """The domain files among the given files and folders; each once.

    Raises:
        InputError: a path does not exist, or a folder holds no domain.
    """
    paths = [Path(path) for path in paths]
    return find_files(
        paths,
        lambda file: file in paths or _is_domain(file),
        what="domain",
        expected="no domain file here; expected YAML with keys such as 'intents:'",
    )


def _is_domain(path: Path) -> bool:
    """Mirrors `Domain.is_domain_file`: some section stands at the top of a file of YAML."""
    if not has_top_level_key(path, (*SECTIONS, "session_config")):
        return False
    try:
        read_document(path)
    except InputError as error:
        warn(f"{error}; it is no part of the domain until then")
        return False
    return True


class _DomainFile:
    """Turns the nodes of one file into sections."""

    def __init__(self, path: Path) -> None:
        self._path = path
        root = read_document(path)
        if root is None:
            raise InputError(f"{path}: the domain is empty; it needs keys such as 'intents:'")
        self._root = expect_mapping(root, self._source(root), "a domain")

    def sections(self) -> DomainSections:
        """Everything the file says that counts for training."""
        items = self._root.items
        version = items.get("version")
        written = version.value if isinstance(version, Scalar) and not is_null(version) else None
        if not version_is_readable(written, self._path):
            return DomainSections()
        entities = dict(self._named("entities", self._entity))
        slots = SlotReader(self._path, written, entities)
        return DomainSections(
            intents=dict(self._named("intents", self._intent)),
            entities=entities,
            slots=slots.read(items.get("slots")),
            actions=[name for name, _ in self._named("actions", lambda name, node: None)],
            responses=self._keys("responses"),
            forms=self._forms(),
            action_texts=[name for name, _ in self._named("e2e_actions", lambda n, node: None)],
            store_entities_as_slots=self._store_entities_as_slots(),
        )

    def _source(self, node: Node) -> str:
        return f"{self._path}:{node.line}"

    def _named(
        self, section: str, read: Callable[[str, Mapping | None], Settings]
    ) -> Iterator[tuple[str, Settings]]:
        """The items of a list: a name, or a name with settings."""
        node = self._root.items.get(section)
        if node is None:
            return
        seen: set[str] = set()
        for item in expect_sequence(node, self._source(node), f"'{section}'"):
            name, settings = self._item(section, item)
            if name in seen:
                raise InputError(
                    f"{self._source(item)}: {name!r} stands twice under '{section}'; "
                    "remove one of them"
                )
            seen.add(name)
            yield name, read(name, settings)

    def _item(self, section: str, item: Node) -> tuple[str, Mapping | None]:
        where = self._source(item)
        if not isinstance(item, Mapping):
            return expect_name(item, where, f"an item of '{section}'"), None
        if len(item.items) != 1:
            raise InputError(
                f"{where}: an item of '{section}' must be a name, or a name followed by its "
                f"indented settings; received {item.shown()}"
            )
        ((name, settings),) = item.items.items()
        if is_null(settings):
            raise InputError(
                f"{where}: {name!r} under '{section}' is followed by ':' but no settings; "
                "remove the ':' or add them"
            )
        return name, expect_mapping(settings, where, f"the settings of {name!r}")

    def _intent(self, name: str, settings: Mapping | None) -> IntentSettings:
        items = settings.items if settings else {}
        return IntentSettings(
            self._entity_list(name, "use_entities", items),
            self._entity_list(name, "ignore_entities", items),
        )

    def _entity_list(self, intent: str, key: str, items: dict[str, Node]) -> tuple[str, ...] | None:
        node = items.get(key)
        if node is None or (isinstance(node, Scalar) and scalar_value(node) is True):
            return None
        if is_null(node) or (isinstance(node, Scalar) and scalar_value(node) is False):
            return ()
        where, meaning = self._source(node), f"'{key}' of the intent {intent!r}"
        return tuple(
            expect_name(item, where, f"an entity in {meaning}")
            for item in expect_sequence(node, where, meaning)
        )

    def _entity(self, name: str, settings: Mapping | None) -> EntityType:
        items = settings.items if settings else {}
        roles, groups = (
            tuple(
                expect_name(item, self._source(item), f"an item of '{key}' of {name!r}")
                for item in expect_sequence(items[key], self._source(items[key]), f"'{key}'")
            )
            if key in items
            else ()
            for key in ("roles", "groups")
        )
        influence = items.get("influence_conversation")
        influences = influence is None or expect_truth(influence, self._source(influence))
        return EntityType(name, roles, groups, influences)

    def _keys(self, section: str) -> list[str]:
        node = self._root.items.get(section)
        if node is None or is_null(node):
            return []
        return list(expect_mapping(node, self._source(node), f"'{section}'").items)

    def _forms(self) -> list[str]:
        node = self._root.items.get("forms")
        if node is None or isinstance(node, Mapping) or is_null(node):
            return self._keys("forms")
        note(self._path, "'forms' is a list, as in Rasa 1; its names are taken.")
        return [name for name, _ in self._named("forms", lambda name, settings: None)]

    def _store_entities_as_slots(self) -> bool | None:
        config = self._root.items.get("config")
        if config is None or is_null(config):
            return None
        items = expect_mapping(config, self._source(config), "'config'").items
        node = items.get("store_entities_as_slots")
        return None if node is None else expect_truth(node, self._source(node))
