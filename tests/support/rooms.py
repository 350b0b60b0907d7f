"""The house as the imports draw it: rooms (folders, and files beside them) and who imports whom."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

Imports = Mapping[str, set[str]]


def imports_of_files(root: Path, packages: Iterable[str]) -> dict[str, set[str]]:
    """Of each module of ours the modules of ours that it imports, anywhere in its text."""
    files = {
        ".".join(file.relative_to(root).with_suffix("").parts): file
        for package in packages
        for file in sorted((root / package).rglob("*.py"))
        if file.name != "__init__.py"
    }
    found = {}
    for module, file in files.items():
        named = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        found[module] = (named & files.keys()) - {module}
    return found


def room_of(module: str) -> str:
    """The folder of a module; a file directly in a package is a room of its own."""
    folder, _, _ = module.rpartition(".")
    return folder if "." in folder else module


def imports_of_rooms(files: Imports) -> dict[str, set[str]]:
    """The same between rooms."""
    rooms: dict[str, set[str]] = {room_of(module): set() for module in files}
    for module, imported in files.items():
        rooms[room_of(module)] |= {room_of(other) for other in imported} - {room_of(module)}
    return rooms


def circles(imports: Imports) -> list[list[str]]:
    """Groups that import each other in a circle, each sorted (Tarjan's strong components)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for other in sorted(imports.get(node, ())):
            if other not in number:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], number[other])
        if lowest[node] == number[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(imports):
        if node not in number:
            visit(node)
    return found


def upward_imports(files: Imports, floors: Iterable[Iterable[str]]) -> list[str]:
    """Imports that do not go to a lower floor, and rooms that are on none, a line each.

    Args:
        floors: the rooms of each floor, the ground first.
    """
    floor_of = {room: number for number, floor in enumerate(floors) for room in floor}
    lines = {
        f"{room} is on no floor: say in tests/test_rooms.py what it stands on"
        for room in map(room_of, files)
        if room not in floor_of
    }
    for module, imported in files.items():
        for other in imported:
            here, there = room_of(module), room_of(other)
            if here == there or here not in floor_of or there not in floor_of:
                continue
            if floor_of[there] >= floor_of[here]:
                lines.add(f"{module} imports {other}: {here} does not stand on {there}")
    return sorted(lines)
