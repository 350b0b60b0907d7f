"""Reads small YAML files whole: as nodes with lines, or as plain maps and lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.yaml_events import open_events
from data_pipeline.rasa_files.yaml_values import Node, is_null, plain_value

_PLAIN = "!plain"
_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """PyYAML's, but words mean what `plain_value` says, and no key may stand twice in a map."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            return _MERGE if value == "<<" else _PLAIN
        return super().resolve(kind, value, implicit)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != _MERGE and key.value in seen:
                problem = f"the key {key.value!r} stands twice in one map"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_constructor(_PLAIN, lambda loader, node: plain_value(node.value))


def read_document(path: Path) -> Node | None:
    """The root node of a file; None where the file is empty.

    Raises:
        InputError: it is not YAML, or holds a second document.
    """
    with open_events(path) as events:
        if not events.enter_document():
            return None
        node = events.compose()
        events.expect_one_document()
    return None if is_null(node) else node


def parse_yaml(text: str) -> Any:
    """The content of a YAML document as plain values.

    Raises:
        yaml.YAMLError: it is not one.
    """
    return yaml.load(text, _Loader)


def read_yaml_mapping(path: Path) -> dict[str, Any]:
    """The top-level mapping of a YAML file; an empty file is an empty mapping.

    Raises:
        InputError: the file cannot be read, does not parse, or holds something else.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text ({error.reason}).") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{path}:{line}: is not valid YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not valid YAML: {' '.join(str(error).split())}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise InputError(f"{path}: must hold keys and values at the top. Received: a {kind}.")
    return content
