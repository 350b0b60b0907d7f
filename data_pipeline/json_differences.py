"""Where two JSON values differ, in lines that say the key, the old value and the new one."""

from __future__ import annotations

import json
from typing import Any

ABSENT = "(absent)"


def json_differences(before: Any, now: Any, place: str = "") -> list[str]:
    """Where two JSON values differ, as `place: before -> now`.

    >>> json_differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]})
    ['a[1].b: 2 -> 3']
    """
    if before == now:
        return []
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted(before.keys() | now.keys())
        inner = [(f"{place}.{key}" if place else key, key) for key in keys]
        pairs = [(name, before.get(key, ABSENT), now.get(key, ABSENT)) for name, key in inner]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = [(f"{place}[{i}]", b, n) for i, (b, n) in enumerate(zip(before, now, strict=True))]
    else:
        return [f"{place}: {_shown(before)} -> {_shown(now)}"]
    return [line for name, b, n in pairs for line in json_differences(b, n, name)]


def _shown(value: Any) -> str:
    return value if value is ABSENT else json.dumps(value, ensure_ascii=False)
