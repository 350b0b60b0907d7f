"""Reads small YAML files, with errors that say where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from data_pipeline.errors import InputError


class _Loader(yaml.SafeLoader):
    """PyYAML's, but `1e-3` is a number, as in YAML 1.2, which Rasa reads; in 1.1 it is text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), "-+0123456789"
)


def parse_yaml(text: str) -> Any:
    """The content of a YAML document.

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
