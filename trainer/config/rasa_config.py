"""The sections of a Rasa `config.yml`: which components a project has, and their options."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data_pipeline.errors import InputError
from data_pipeline.featurizers.component_names import component_name
from data_pipeline.messages.pipeline_components import build_featurizers
from data_pipeline.rasa_files.yaml_files import read_yaml_mapping
from data_pipeline.warnings_to_user import warn
from trainer.config.auto_configuration import LANGUAGE, PIPELINE, POLICIES, completed
from trainer.config.earlier_versions import is_list_of_components, translated
from trainer.config.pretrained_models import with_spacy_model, without_missing

Component = dict[str, Any]
"""A component's options, with its `name`."""


@dataclass(frozen=True)
class RasaConfig:
    """What `config.yml` says.

    Attributes:
        path: the file.
        sections: what stands under `pipeline` and `policies`, in the words of Rasa 3; where there
            is nothing, what Rasa suggests.
        language: what stands under `language`; `en` if nothing.
        notes: what was translated and suggested, for the user.
        content: the whole file so read.
        spacy_is_guessed: whether the spaCy model is Rasa 2's choice, since the file names none.
    """

    path: Path
    sections: dict[str, Any]
    language: str
    notes: tuple[str, ...]
    content: dict[str, Any]
    spacy_is_guessed: bool = False

    @classmethod
    def read(cls, path: Path) -> RasaConfig:
        """Read a `config.yml`.

        Raises:
            InputError: it cannot be read, or a section is not a list of components.
        """
        content, translations = translated(read_yaml_mapping(path))
        content, suggestions = completed(content)
        content, guess = _with_spacy_model(content)
        sections = {name: content[name] for name in (PIPELINE, POLICIES)}
        notes = (*translations, *suggestions, *guess)
        config = cls(path, sections, content[LANGUAGE], notes, content, bool(guess))
        for name, section in config.sections.items():
            if section:
                config.components(name)
        return config

    def components(self, section: str) -> list[Component]:
        """The components of a section; those of Rasa by their names without the module's path.

        Raises:
            InputError: there is no such section, or it is not a list of components.
        """
        found = self.sections[section]
        if not isinstance(found, list) or not found:
            raise InputError(
                f"{self.path}: '{section}:' must be a list of components; leave it empty for what "
                f"Rasa suggests. Received: {found!r}"
            )
        for number, component in enumerate(found, start=1):
            if _name(component) is None:
                raise InputError(
                    f"{self.path}: component {number} of the {section} must be a map with a "
                    f"'name'. Received: {component!r}"
                )
        return [{**component, "name": _name(component)} for component in found]

    def components_named(self, section: str, name: str) -> list[Component]:
        """Those of a section that have this name; none if there is no such section."""
        found = self.components(section) if self.sections[section] else []
        return [component for component in found if component["name"] == name]

    def names(self) -> dict[str, list[str]]:
        """The names of all components, by section and in order."""
        sections = [s for s in (PIPELINE, POLICIES) if self.sections[s]]
        return {s: [component["name"] for component in self.components(s)] for s in sections}

    def featurizing(self) -> tuple[Component, ...]:
        """The tokenizer and the featurizers of the pipeline, in its order; none without one.

        Raises:
            InputError: one of them has wrong options.
        """
        skipped = self._skipped
        return tuple(c for c in self._present if c["name"] not in skipped)

    def not_featurizing(self) -> tuple[str, ...]:
        """The names of all other components of the pipeline, in its order."""
        return self._skipped

    @cached_property
    def _present(self) -> list[Component]:
        """The pipeline without what is not on this machine, of which the user is warned."""
        components = self.components(PIPELINE) if self.sections[PIPELINE] else []
        try:
            present, missing = without_missing(components, spacy_is_guessed=self.spacy_is_guessed)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None
        for warning in missing:
            warn(f"{self.path}: {warning}")
        return present

    @cached_property
    def _skipped(self) -> tuple[str, ...]:
        try:
            return build_featurizers(self._present, self.language).skipped
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None


def _with_spacy_model(content: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    pipeline = content[PIPELINE]
    if not is_list_of_components(pipeline):
        return content, []  # refused where it is used
    completed_pipeline, guess = with_spacy_model(pipeline, content[LANGUAGE])
    return ({**content, PIPELINE: completed_pipeline}, [guess]) if guess else (content, [])


def _name(component: Any) -> str | None:
    name = component.get("name") if isinstance(component, dict) else None
    return component_name(name) if isinstance(name, str) else None
