"""Packages that only some components need: looked for when such a component is used."""

from __future__ import annotations

from importlib.util import find_spec

from data_pipeline.errors import MissingResource


def require_package(component: str, package: str, extra: str) -> None:
    """Refuse a component whose package is not installed, without importing it.

    Raises:
        MissingResource: it is not there; says which extra brings it.
    """
    if find_spec(package) is None:
        raise MissingResource(
            f"{component} needs the package {package!r}, which is not installed; "
            f"pip install 'diet-ted-trainer[{extra}]', or remove the component"
        )
