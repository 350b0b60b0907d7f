"""What an option's value may be: checks that answer in the words of an error message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Returns what is allowed if the value is not, else None.
Check = Callable[[Any], str | None]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def anything(value: Any) -> str | None:
    """Any value; the options check it elsewhere, or nobody needs to."""
    return None


def flag(value: Any) -> str | None:
    """True or False."""
    return None if isinstance(value, bool) else "true or false"


def number(value: Any) -> str | None:
    """Any number."""
    return None if _is_number(value) else "a number"


def at_least(least: float) -> Check:
    """A number that is not less than `least`."""
    return lambda value: (
        None if _is_number(value) and value >= least else f"a number of at least {least}"
    )


def between(low: float, high: float, *, open_end: bool = False) -> Check:
    """A number from `low` to `high`; with `open_end` below `high`."""
    allowed = f"a number of at least {low} and {'below' if open_end else 'at most'} {high}"

    def check(value: Any) -> str | None:
        fits = _is_number(value) and low <= value <= high and not (open_end and value == high)
        return None if fits else allowed

    return check


def whole(least: int) -> Check:
    """A whole number that is not less than `least`."""
    return lambda value: (
        None if _is_whole(value) and value >= least else f"a whole number of at least {least}"
    )


def interval(value: Any) -> str | None:
    """Every so many, or once at the end."""
    fits = _is_whole(value) and (value == -1 or value >= 1)
    return None if fits else "a whole number of at least 1, or -1"


def optional(check: Check) -> Check:
    """None, or what `check` allows."""

    def check_optional(value: Any) -> str | None:
        allowed = None if value is None else check(value)
        return allowed and f"{allowed}, or empty"

    return check_optional


def one_of(*names: str) -> Check:
    """One of the given words."""
    return lambda value: None if value in names else " or ".join(f'"{name}"' for name in names)


def sizes(value: Any) -> str | None:
    """A list of widths."""
    fits = isinstance(value, Sequence) and all(_is_whole(size) and size > 0 for size in value)
    return None if fits else "a list of whole numbers of at least 1"


def name(value: Any) -> str | None:
    """A word or a few."""
    return None if isinstance(value, str) and value else "a name"


def list_of_names(value: Any) -> str | None:
    """A list of strings."""
    fits = isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
    return None if fits else "a list of names"


def size_or_range(value: Any) -> str | None:
    """A number of examples, or a growing pair."""
    pair = [value, value] if _is_whole(value) else value
    fits = isinstance(pair, list | tuple) and len(pair) == 2
    if fits and sizes(pair) is None and pair[0] <= pair[1]:
        return None
    return "a whole number of at least 1, or two of them in growing order"


def flag_or_map(value: Any) -> str | None:
    """True or False, for all or by name."""
    values = value.values() if isinstance(value, Mapping) else [value]
    return "true or false, or a map of them" if any(flag(each) for each in values) else None


def map_of(keys: Sequence[str], check: Check) -> Check:
    """A map with exactly these keys."""

    def check_map(value: Any) -> str | None:
        if not isinstance(value, Mapping) or set(value) != set(keys):
            return f"a map with the keys {', '.join(keys)}"
        for key in keys:
            if allowed := check(value[key]):
                return f"{allowed} for {key}"
        return None

    return check_map
