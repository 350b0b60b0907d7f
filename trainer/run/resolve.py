"""From files and flags to one resolved configuration per run, checked before anything happens.

Precedence, later wins:
1. defaults (`DIETOptions`, `TEDOptions`, …, `TrainerOptions`)
2. Rasa's `config.yml`
3. `trainer.yml` beside it
4. `--set key=value`, then the flags of their own
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.yaml_files import read_yaml_mapping
from model.options.shared import SharedOptions
from trainer.components import report_left_out
from trainer.config.options import OPTIONS, TrainerOptions, read_trainer_options
from trainer.config.project import Project
from trainer.config.rasa_config import POLICIES, Component, RasaConfig
from trainer.config.run_config import RunConfig
from trainer.config.settings import parse_setting, setting
from trainer.models import MODELS, model_named
from trainer.task import Task

COMMAND_LINE = "command line"


def resolve_all(
    project: Project,
    models: Sequence[str],
    settings: Sequence[str] | Mapping[str, Any] = (),
    flags: Mapping[str, Any] | None = None,
) -> list[RunConfig]:
    """The configurations of runs of these models: one for each of their components.

    Args:
        settings: `key=value` texts whose values are YAML, or keys and values. A key is an option of
            ours or of a model, `diet.key` or `ted.key` where it is to hold for that one only.
        flags: options from flags of their own; None values are not given.

    Raises:
        InputError: anything unknown, ill-typed or missing in the files or settings.
    """
    kinds = [model_named(model) for model in models]
    ours: dict[str, Any] = {}
    if project.trainer_config is not None:
        ours = read_yaml_mapping(project.trainer_config)
        read_trainer_options(ours, str(project.trainer_config))
    overrides: dict[str, dict[str, Any]] = {kind.model: {} for kind in kinds}
    names = {kind.model: _option_names(kind) for kind in kinds}
    known = [kind.model for kind in MODELS]
    given = settings.items() if isinstance(settings, Mapping) else map(parse_setting, settings)
    for found in (setting(key, value, names, known) for key, value in given):
        for target in [overrides[model] for model in found.models] or [ours]:
            target[found.key] = found.value
    for key, value in (flags or {}).items():
        if value is not None:
            for target in [ours] if key in OPTIONS else overrides.values():
                target[key] = value
    trainer = read_trainer_options(ours, COMMAND_LINE)
    rasa = RasaConfig.read(project.config)
    configs = [
        _config(kind, component, overrides[kind.model], rasa, trainer)
        for kind in kinds
        for component in _components(kind, rasa)
    ]
    report_left_out(rasa.not_featurizing(), rasa.names().get(POLICIES, []))
    for config in configs:
        _check_early_stopping(config)
    return configs


def with_epoch_fraction(config: RunConfig, fraction: float) -> RunConfig:
    """The configuration with that part of its epochs, rounded up (Rasa's `--epoch-fraction`).

    Raises:
        InputError: the fraction is not positive.
    """
    if not (fraction > 0 and math.isfinite(fraction)):
        raise InputError(f"--epoch-fraction must be a number above 0. Received: {fraction}")
    options = dataclasses.replace(
        config.options, epochs=math.ceil(config.options.epochs * fraction)
    )
    return dataclasses.replace(config, **{config.model: options})


def _components(kind: type[Task], rasa: RasaConfig) -> list[Component]:
    found = [c for c in rasa.components(kind.section) if c["name"] == kind.component]
    if not found:
        raise InputError(
            f"{rasa.path}: {kind.section} has no {kind.component}, so there is nothing to train."
        )
    return found


def _config(
    kind: type[Task],
    component: Component,
    overrides: Mapping[str, Any],
    rasa: RasaConfig,
    trainer: TrainerOptions,
) -> RunConfig:
    options = _overridden(kind.options.from_rasa({}), component, str(rasa.path))
    options = _overridden(options, overrides, COMMAND_LINE)
    # The seed in use is recorded, so that a run goes on with it.
    options = dataclasses.replace(options, random_seed=options.seed)
    return kind.configured(options, rasa, trainer)


def _overridden(options: SharedOptions, values: Mapping[str, Any], source: str) -> SharedOptions:
    try:
        return options.overridden(values)
    except ValueError as error:
        raise InputError(f"{source}: {error}") from None


def _option_names(kind: type[Task]) -> list[str]:
    return [field.name for field in dataclasses.fields(kind.options)]


def _check_early_stopping(config: RunConfig) -> None:
    patience = config.trainer.early_stopping_patience
    if patience is not None and not config.options.evaluate_on_number_of_examples:
        raise InputError(
            "early_stopping_patience needs examples to evaluate on: set "
            f"evaluate_on_number_of_examples. Received: {patience}, and 0 examples"
        )
