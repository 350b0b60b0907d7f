"""What an API server does to an object: nulls, defaults, unknown fields, patches."""

from __future__ import annotations

import copy


def without_nulls(value):
    if isinstance(value, dict):
        return {key: without_nulls(child) for key, child in value.items() if child is not None}
    return [without_nulls(child) for child in value] if isinstance(value, list) else value


def fill_defaults(schema: dict, value) -> None:
    if isinstance(value, list):
        for child in value:
            fill_defaults(schema.get("items", {}), child)
    if not isinstance(value, dict):
        return
    for key, child in schema.get("properties", {}).items():
        if "default" in child and key not in value:
            value[key] = copy.deepcopy(child["default"])
        if key in value:
            fill_defaults(child, value[key])
    rest = schema.get("additionalProperties")
    for key in value.keys() - schema.get("properties", {}).keys():
        fill_defaults(rest if isinstance(rest, dict) else {}, value[key])


def prune(schema: dict, value, path: str = "", *, drop: bool) -> list[str]:
    """The unknown fields, which are dropped on request."""
    found = []
    if isinstance(value, list):
        for number, child in enumerate(value):
            found += prune(schema.get("items", {}), child, f"{path}[{number}]", drop=drop)
    known = schema.get("properties")
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return found
    rest = schema.get("additionalProperties")
    for key in list(value):
        place = f"{path}.{key}".removeprefix(".")
        if known and key in known:
            if place != "metadata":
                found += prune(known[key], value[key], place, drop=drop)
        elif isinstance(rest, dict):
            found += prune(rest, value[key], place, drop=drop)
        elif known:
            found.append(place)
            if drop:
                del value[key]
    return found


def merged(value: dict, patch: dict) -> dict:
    """RFC 7386; `status` is a subresource and stays."""
    result = dict(value)
    for key, child in patch.items():
        if key == "status":
            continue
        if isinstance(child, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], child)
        else:
            result[key] = child
    return result
