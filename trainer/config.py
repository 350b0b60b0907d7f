"""From files and flags to one resolved configuration, checked before anything else happens.

Precedence, later wins:
1. defaults (`DIETOptions`, `TrainerOptions`)
2. Rasa's `config.yml`
3. `trainer.yml` beside it
4. `--set key=value`, then the flags of their own
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from data_pipeline.component_options import unknown_name
from data_pipeline.errors import InputError
from data_pipeline.feature_settings import FeatureSettings, json_differences
from data_pipeline.pipeline_components import build_featurizers
from data_pipeline.sampling import Schedule
from model.option_names import RETIRED
from model.options import DIETOptions
from trainer.options import OPTIONS, TrainerOptions, read_trainer_options
from trainer.project import Project
from trainer.yaml_files import parse_yaml, read_yaml_mapping

logger = logging.getLogger(__name__)

DIET = "DIETClassifier"
SYNONYM_MAPPER = "EntitySynonymMapper"
DEFAULT_SEED = 0
COMMAND_LINE = "command line"


@dataclass(frozen=True)
class RunConfig:
    """Everything that determines a run, beside the training data.

    Attributes:
        pipeline: the tokenizer and featurizers of the Rasa pipeline, as given.
        maps_synonyms: whether answers go through an `EntitySynonymMapper`.
        diet: all options of DIET; `random_seed` is set.
        trainer: our own options.
    """

    pipeline: tuple[dict[str, Any], ...]
    maps_synonyms: bool
    diet: DIETOptions
    trainer: TrainerOptions

    @property
    def feature_settings(self) -> FeatureSettings:
        """What the prepared data set depends on."""
        return FeatureSettings(
            pipeline=self.pipeline,
            featurizers=tuple(self.diet.featurizers),
            bilou=self.diet.BILOU_flag,
            entities=self.diet.entity_recognition,
        )

    @property
    def schedule(self) -> Schedule:
        """How the epochs are planned."""
        return Schedule(
            epochs=self.diet.epochs,
            batch_size=self.diet.batch_size,
            batch_strategy=self.diet.batch_strategy,
            seed=self.diet.random_seed,
            drop_small_last_batch=self.diet.drop_small_last_batch,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain maps and lists; what the run directory records."""
        return {
            "pipeline": list(self.pipeline),
            "maps_synonyms": self.maps_synonyms,
            "diet": dataclasses.asdict(self.diet),
            "trainer": dataclasses.asdict(self.trainer),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> RunConfig:
        """The inverse of `to_json`."""
        return cls(
            tuple(plain["pipeline"]),
            plain["maps_synonyms"],
            DIETOptions(**plain["diet"]),
            TrainerOptions(**plain["trainer"]),
        )


def resolve(
    project: Project, settings: Sequence[str] = (), flags: Mapping[str, Any] | None = None
) -> RunConfig:
    """The configuration of a run.

    Args:
        settings: `key=value` texts; the value is YAML, the key an option of ours or of DIET.
        flags: options from flags of their own; None values are not given.

    Raises:
        InputError: anything unknown, ill-typed or missing in the files or settings.
    """
    components = _components(project)
    diet = dict(next((c for c in components if c["name"] == DIET), {}))
    if not diet:
        raise InputError(f"{project.config}: pipeline has no {DIET}, so there is nothing to train.")
    ours: dict[str, Any] = {}
    if project.trainer_config is not None:
        ours = read_yaml_mapping(project.trainer_config)
        read_trainer_options(ours, str(project.trainer_config))
    given = dict(_parsed_setting(text) for text in settings)
    given |= {key: value for key, value in (flags or {}).items() if value is not None}
    ours |= {key: value for key, value in given.items() if key in OPTIONS}
    overrides = {key: value for key, value in given.items() if key not in OPTIONS}
    pipeline = _ours(components, project)
    config = RunConfig(
        pipeline=pipeline,
        maps_synonyms=any(c["name"] == SYNONYM_MAPPER for c in components),
        diet=_diet_options(diet, overrides, project),
        trainer=read_trainer_options(ours, COMMAND_LINE),
    )
    patience = config.trainer.early_stopping_patience
    if patience is not None and not config.diet.evaluate_on_number_of_examples:
        raise InputError(
            "early_stopping_patience needs examples to evaluate on: set "
            f"evaluate_on_number_of_examples. Received: {patience}, and 0 examples"
        )
    return config


def _components(project: Project) -> list[dict[str, Any]]:
    pipeline = read_yaml_mapping(project.config).get("pipeline")
    if not isinstance(pipeline, list) or not pipeline:
        raise InputError(
            f"{project.config}: 'pipeline:' must be a list of components. Received: {pipeline!r}"
        )
    for number, component in enumerate(pipeline, start=1):
        if not isinstance(component, dict) or not isinstance(component.get("name"), str):
            raise InputError(
                f"{project.config}: component {number} of the pipeline must be a map with a "
                f"'name'. Received: {component!r}"
            )
    return [{**c, "name": c["name"].rpartition(".")[2]} for c in pipeline]


def _ours(components: list[dict[str, Any]], project: Project) -> tuple[dict[str, Any], ...]:
    """The tokenizer and the featurizers; says which components are passed over."""
    try:
        skipped = set(build_featurizers(components).skipped) - {DIET, SYNONYM_MAPPER}
    except InputError as error:
        raise InputError(f"{project.config}: {error}") from None
    if skipped:
        names = ", ".join(c["name"] for c in components if c["name"] in skipped)
        logger.info("Skipped components of the pipeline, which are not part of DIET: %s.", names)
    return tuple(c for c in components if c["name"] not in skipped | {DIET, SYNONYM_MAPPER})


def _diet_options(
    component: Mapping[str, Any], overrides: Mapping[str, Any], project: Project
) -> DIETOptions:
    options = _read_diet(component, str(project.config))
    if overrides:
        options = _read_diet(_overridden(component, overrides), COMMAND_LINE)
    if options.random_seed is None:
        options = dataclasses.replace(options, random_seed=DEFAULT_SEED)
    return options


def _overridden(component: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Maps are merged key by key, as they are with the defaults."""
    merged = dict(component)
    for key, value in overrides.items():
        both_maps = isinstance(merged.get(key), dict) and isinstance(value, dict)
        merged[key] = {**merged[key], **value} if both_maps else value
    return merged


def _read_diet(component: Mapping[str, Any], source: str) -> DIETOptions:
    try:
        return DIETOptions.from_rasa(component)
    except ValueError as error:
        raise InputError(f"{source}: {error}") from None


def _parsed_setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"--set takes key=value. Received: {text!r}")
    key = key.strip().removeprefix("diet.")
    known = [*OPTIONS, *(field.name for field in dataclasses.fields(DIETOptions))]
    if key not in known and key not in RETIRED:
        raise unknown_name("--set: unknown option", key, known)
    try:
        return key, parse_yaml(value)
    except yaml.YAMLError:
        raise InputError(f"--set {key}: the value is not valid YAML. Received: {value!r}") from None


def differences(before: RunConfig, now: RunConfig) -> list[str]:
    """What a run cannot change when it goes on, as `key: before -> now` lines.

    Strategy, checkpoint intervals and the like may change, and `epochs` may grow.
    """
    lines = json_differences(_fixed(before), _fixed(now))
    if now.diet.epochs < before.diet.epochs:
        lines.append(f"diet.epochs: {before.diet.epochs} -> {now.diet.epochs}")
    return lines


def _fixed(config: RunConfig) -> dict[str, Any]:
    plain = json.loads(json.dumps(config.to_json()))
    diet = {key: value for key, value in plain["diet"].items() if key != "epochs"}
    ours = {key: plain["trainer"][key] for key in ("precision", "clip_norm")}
    return {"diet": diet, "pipeline": plain["pipeline"], **ours}
