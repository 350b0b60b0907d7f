"""From files and flags to one resolved configuration per model, checked before anything happens.

Precedence, later wins:
1. defaults (`DIETOptions`, `TEDOptions`, `TrainerOptions`)
2. Rasa's `config.yml`
3. `trainer.yml` beside it
4. `--set key=value`, then the flags of their own
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from data_pipeline.errors import InputError
from data_pipeline.featurizers.component_options import unknown_name
from data_pipeline.featurizers.pipeline_components import build_featurizers
from data_pipeline.rasa_files.yaml_files import parse_yaml, read_yaml_mapping
from model.diet.options import DIETOptions
from model.options.rasa_names import RETIRED
from model.ted.options import TEDOptions
from trainer.config.options import OPTIONS, TrainerOptions, read_trainer_options
from trainer.config.project import Project
from trainer.config.run_config import DIETConfig, RunConfig, TEDConfig

logger = logging.getLogger(__name__)

SYNONYM_MAPPER = "EntitySynonymMapper"
COMMAND_LINE = "command line"


@dataclass(frozen=True)
class _Place:
    """Where a Rasa configuration has the options of a model."""

    section: str
    component: str
    options: type[DIETOptions] | type[TEDOptions]


MODELS = {
    DIETConfig.model: _Place("pipeline", "DIETClassifier", DIETOptions),
    TEDConfig.model: _Place("policies", "TEDPolicy", TEDOptions),
}


def configured_models(project: Project) -> tuple[str, ...]:
    """The models whose options the project's configuration holds, in the order of training."""
    return tuple(
        model
        for model, place in MODELS.items()
        if any(c["name"] == place.component for c in _components(project, place, required=False))
    )


def resolve(
    project: Project,
    settings: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
    *,
    model: str = DIETConfig.model,
) -> RunConfig:
    """The configuration of a run of one model; see `resolve_all`."""
    return resolve_all(project, (model,), settings, flags)[0]


def resolve_all(
    project: Project,
    models: Sequence[str],
    settings: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> list[RunConfig]:
    """The configurations of runs of these models.

    Args:
        settings: `key=value` texts; the value is YAML, the key an option of ours or of a model,
            `diet.key` or `ted.key` where it is to hold for that one only.
        flags: options from flags of their own; None values are not given.

    Raises:
        InputError: anything unknown, ill-typed or missing in the files or settings.
    """
    ours: dict[str, Any] = {}
    if project.trainer_config is not None:
        ours = read_yaml_mapping(project.trainer_config)
        read_trainer_options(ours, str(project.trainer_config))
    overrides: dict[str, dict[str, Any]] = {model: {} for model in models}
    for text in settings:
        targets, key, value = _parsed_setting(text, models)
        for target in [overrides[model] for model in targets] or [ours]:
            target[key] = value
    for key, value in (flags or {}).items():
        if value is not None:
            for target in [ours] if key in OPTIONS else overrides.values():
                target[key] = value
    trainer = read_trainer_options(ours, COMMAND_LINE)
    configs = [_config(project, model, overrides[model], trainer) for model in models]
    for config in configs:
        _check_early_stopping(config)
    return configs


def _config(
    project: Project, model: str, overrides: Mapping[str, Any], trainer: TrainerOptions
) -> RunConfig:
    place = MODELS[model]
    found = _components(project, place)
    options = _model_options(place, found, overrides, project)
    if model == TEDConfig.model:
        pipeline = _components(project, MODELS[DIETConfig.model], required=False)
        return TEDConfig(_featurizing(pipeline, project), options, trainer)
    maps_synonyms = any(c["name"] == SYNONYM_MAPPER for c in found)
    skipped = set(_skipped(found, project)) - {place.component, SYNONYM_MAPPER}
    if skipped:
        names = ", ".join(c["name"] for c in found if c["name"] in skipped)
        logger.info("Skipped components of the pipeline, which are not part of DIET: %s.", names)
    return DIETConfig(_featurizing(found, project), maps_synonyms, options, trainer)


def _check_early_stopping(config: RunConfig) -> None:
    patience = config.trainer.early_stopping_patience
    if patience is not None and not config.options.evaluate_on_number_of_examples:
        raise InputError(
            "early_stopping_patience needs examples to evaluate on: set "
            f"evaluate_on_number_of_examples. Received: {patience}, and 0 examples"
        )


def _components(project: Project, place: _Place, *, required: bool = True) -> list[dict[str, Any]]:
    """The components of a section of the configuration, without module paths in their names."""
    section = read_yaml_mapping(project.config).get(place.section)
    if not section and not required:
        return []
    if not isinstance(section, list) or not section:
        raise InputError(
            f"{project.config}: '{place.section}:' must be a list of components. "
            f"Received: {section!r}"
        )
    for number, component in enumerate(section, start=1):
        if _name(component) is None:
            raise InputError(
                f"{project.config}: component {number} of the {place.section} must be a map with a "
                f"'name'. Received: {component!r}"
            )
    return [{**component, "name": _name(component)} for component in section]


def _name(component: Any) -> str | None:
    name = component.get("name") if isinstance(component, dict) else None
    return name.rpartition(".")[2] if isinstance(name, str) else None


def _skipped(components: list[dict[str, Any]], project: Project) -> Sequence[str]:
    try:
        return build_featurizers(components).skipped
    except InputError as error:
        raise InputError(f"{project.config}: {error}") from None


def _featurizing(components: list[dict[str, Any]], project: Project) -> tuple[dict[str, Any], ...]:
    """The tokenizer and the featurizers."""
    skipped = _skipped(components, project)
    return tuple(component for component in components if component["name"] not in skipped)


def _model_options(
    place: _Place,
    components: list[dict[str, Any]],
    overrides: Mapping[str, Any],
    project: Project,
) -> DIETOptions | TEDOptions:
    component = next((c for c in components if c["name"] == place.component), None)
    if component is None:
        raise InputError(
            f"{project.config}: {place.section} has no {place.component}, so there is nothing to "
            "train."
        )
    options = _read_options(place, component, str(project.config))
    if overrides:
        options = _read_options(place, _overridden(component, overrides), COMMAND_LINE)
    # The seed in use is recorded, so that a run goes on with it.
    return dataclasses.replace(options, random_seed=options.seed)


def _overridden(component: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Maps are merged key by key, as they are with the defaults."""
    merged = dict(component)
    for key, value in overrides.items():
        both_maps = isinstance(merged.get(key), dict) and isinstance(value, dict)
        merged[key] = {**merged[key], **value} if both_maps else value
    return merged


def _read_options(
    place: _Place, component: Mapping[str, Any], source: str
) -> DIETOptions | TEDOptions:
    try:
        return place.options.from_rasa(component)
    except ValueError as error:
        raise InputError(f"{source}: {error}") from None


def _parsed_setting(text: str, models: Sequence[str]) -> tuple[list[str], str, Any]:
    """The models that `key=value` is for (none: it is an option of ours), its key and value."""
    written, equals, value = text.partition("=")
    key = written.strip()
    if not equals or not key:
        raise InputError(f"--set takes key=value. Received: {text!r}")
    prefix, dot, rest = key.partition(".")
    if dot and prefix in MODELS:
        if prefix not in models:
            raise InputError(f"--set {key}: {prefix} is not trained here. See --model.")
        models, key = [prefix], rest
    known = {model: _option_names(model) for model in models}
    targets = [model for model in models if key in known[model] or key in RETIRED]
    if not targets and (key not in OPTIONS or dot):
        names = dict.fromkeys([*OPTIONS, *(name for of in known.values() for name in of)])
        raise unknown_name("--set: unknown option", key, list(names))
    try:
        return targets, key, parse_yaml(value)
    except yaml.YAMLError:
        raise InputError(f"--set {key}: the value is not valid YAML. Received: {value!r}") from None


def _option_names(model: str) -> list[str]:
    return [field.name for field in dataclasses.fields(MODELS[model].options)]
