"""The way in from Python: `train`, `load`, `prepare` and `Trainer`, all named in `trainer` itself.

`docs/python.md` shows each of them at work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from data_pipeline.dialogue.prepare_dialogues import DialogueSources, prepare_dialogues
from data_pipeline.dialogue.prepared_dialogues import PreparedDialogues
from data_pipeline.messages.prepare import prepare as prepare_messages
from data_pipeline.messages.prepared import PreparedDataset
from model.diet.options import DIETOptions
from model.ted.options import TEDOptions
from trainer.checkpoints.checkpoint import Checkpointer
from trainer.config.options import TrainerOptions
from trainer.config.project import find_project
from trainer.config.rasa_config import RasaConfig
from trainer.config.run_config import RunConfig
from trainer.diet.config import DIETConfig
from trainer.diet.making import make_diet
from trainer.diet.trained import TrainedDIET
from trainer.distribution.distribution import make_distribution
from trainer.records.run_directory import RunDirectory
from trainer.run.chosen_tasks import chosen_models, tasks_of
from trainer.run.request import TrainRequest
from trainer.run.resolve import resolve_all
from trainer.run.train import train as train_request
from trainer.task import Trained, TrainingData
from trainer.ted.config import TEDConfig
from trainer.ted.making import make_ted
from trainer.ted.trained import TrainedTED
from trainer.trained_run import TrainedRun
from trainer.training.loop import TrainingLoop
from trainer.training.validation import split

Pipeline = Sequence[dict[str, Any]]
"""The `pipeline:` of a Rasa configuration: a map with a `name` and options for each component."""


def train(
    project: str | Path | None = None,
    *,
    run_dir: str | Path | None = None,
    model: str | None = None,
    options: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    fresh: bool = False,
    init_from: str | Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> TrainedRun:
    """Train a Rasa project, or go on training it: what `python -m trainer` does.

    >>> run = train("examples/pizza", epochs=50)                        # doctest: +SKIP
    >>> run.answer("two large pizzas")                                  # doctest: +SKIP

    Args:
        project: a folder with `config.yml` and `data/`; None = the current directory if it is one,
            else the bundled example.
        run_dir: where results go; a run there goes on. None = `runs/NAME`.
        model: `diet`, `response_selector`, `ted` or `unexpected_intent`; None = all that is
            configured and has data.
        options: of the models (`"ted.epochs"`: of that one) or of `trainer.yml`, by name.
        epochs, seed: of all that is trained.
        fresh: start over, in a new directory.
        init_from: an earlier run whose weights and vocabularies to start from.
        callbacks: any Keras callbacks; called on the chief, for one model after the other.

    Raises:
        InputError: bad input; also `Diverged`, when a gradient is not finite.
        Stopped: a signal ended it after a step, with a checkpoint.
    """
    found, _ = find_project(None if project is None else Path(project), None, ())
    models = chosen_models(found, model, from_earlier_run=init_from is not None)
    flags = {"epochs": epochs, "random_seed": seed}
    request = TrainRequest(
        tasks=tasks_of(found, resolve_all(found, models, options or {}, flags)),
        run_dir=Path(run_dir or Path("runs") / found.name),
        fresh=fresh,
        init_from=None if init_from is None else Path(init_from),
        components=RasaConfig.read(found.config).names(),
        callbacks=callbacks,
    )
    return TrainedRun(train_request(request).directory)


def load(run_dir: str | Path) -> TrainedRun:
    """A trained run, ready to answer.

    Raises:
        InputError: it is no run directory.
    """
    RunDirectory(Path(run_dir)).existing_model()
    return TrainedRun(run_dir)


def prepare(
    nlu: str | Path | Sequence[str | Path],
    pipeline: Pipeline,
    directory: str | Path,
    *,
    options: DIETOptions | None = None,
    processes: int = 1,
) -> PreparedDataset:
    """Prepare NLU training data for `Trainer.for_diet`, unless `directory` holds just that already.

    Args:
        nlu: files or folders.
        options: those by which DIET will be trained: some decide what is prepared.

    Raises:
        InputError: bad training data or pipeline, or a directory that is something else.
    """
    config = DIETConfig(tuple(pipeline), True, options or DIETOptions(), TrainerOptions())
    return prepare_messages(
        _paths(nlu), config.feature_settings, Path(directory), processes=processes
    )


def prepare_stories(
    domain: str | Path,
    stories: str | Path | Sequence[str | Path],
    directory: str | Path,
    *,
    options: TEDOptions | None = None,
    augmentation_factor: int = TrainerOptions.augmentation_factor,
) -> PreparedDialogues:
    """Prepare stories for `Trainer.for_ted`, unless `directory` holds just that already.

    Raises:
        InputError: bad stories or domain, or a directory that is something else.
    """
    ours = TrainerOptions(augmentation_factor=augmentation_factor)
    config = TEDConfig((), options or TEDOptions(), ours)
    sources = DialogueSources(tuple(_paths(domain)), tuple(_paths(stories)))
    return prepare_dialogues(sources, config.dialogue_settings, Path(directory))


class Trainer:
    """Trains one model on prepared data, without a project or a run directory.

    >>> data = prepare("nlu.yml", pipeline, "prepared")                 # doctest: +SKIP
    >>> trainer = Trainer.for_diet(data, DIETOptions(epochs=50))        # doctest: +SKIP
    >>> trainer.fit(data)                                               # doctest: +SKIP
    >>> trainer.answer("two large pizzas")                              # doctest: +SKIP

    Make one with `for_diet` or `for_ted`; `train` is for whole projects, with checkpoints.
    """

    def __init__(
        self,
        config: RunConfig,
        data: TrainingData,
        make_model: Callable[[], keras.Model],
        trained: Callable[..., Trained],
        *,
        balances_held_out: bool,
    ):
        ours = config.trainer
        self.config = config
        self.data = data
        self._trained = trained
        self._balances_held_out = balances_held_out
        self.loop = TrainingLoop(
            make_model,
            learning_rate=config.options.learning_rate,
            distribution=make_distribution(
                ours.strategy,
                logical_cpu_devices=ours.logical_cpu_devices,
                gradient_compression=ours.gradient_compression,
            ),
            seed=config.options.seed,
            clip_norm=ours.clip_norm,
        )

    @classmethod
    def for_diet(
        cls, data: PreparedDataset, options: DIETOptions | None = None, **ours: Any
    ) -> Trainer:
        """A trainer of DIET.

        Args:
            data: decides the sizes of the model: vocabulary, intents, tags.
            ours: options of `trainer.yml`, such as `strategy` and `precision`.

        Raises:
            InputError: an option is wrong or does not fit the data.
        """
        components = (data.header["settings"]["tokenizer"], *data.header["settings"]["featurizers"])
        config = DIETConfig(components, True, options or DIETOptions(), TrainerOptions(**ours))
        return cls(
            config,
            TrainingData(data.store, data.fingerprint, data.pipeline),
            lambda: make_diet(config, data.pipeline, config.trainer.precision),
            TrainedDIET,
            balances_held_out=config.diet.intent_classification,
        )

    @classmethod
    def for_ted(
        cls, data: PreparedDialogues, options: TEDOptions | None = None, **ours: Any
    ) -> Trainer:
        """A trainer of TED; see `for_diet`."""
        config = TEDConfig((), options or TEDOptions(), TrainerOptions(**ours))
        return cls(
            config,
            TrainingData(data.store, data.fingerprint, data.featurizer),
            lambda: make_ted(config, data.featurizer, config.trainer.precision),
            TrainedTED,
            balances_held_out=not config.ted.full_dialogue,
        )

    @property
    def model(self) -> keras.Model:
        """The model in training."""
        return self.loop.model

    def fit(
        self,
        data: PreparedDataset | PreparedDialogues,
        *,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> keras.callbacks.History:
        """Train until the options' `epochs` are done; again goes on if they are more by then.

        Examples are held out and evaluated on as the options say.

        Args:
            callbacks: any Keras callbacks; called on the chief.

        Raises:
            Diverged: a loss or gradient is not finite.
        """
        examples, validation = split(
            data.store, self.config.options, balanced=self._balances_held_out
        )
        return self.loop.fit(
            examples,
            schedule=self.config.schedule,
            validation=validation,
            early_stopping_patience=self.config.trainer.early_stopping_patience,
            callbacks=callbacks if self.loop.distribution.is_chief else (),
        )

    @property
    def trained(self) -> Any:
        """The model as it is now, ready to answer: a `TrainedDIET` or a `TrainedTED`."""
        return self._trained(self.config, self.data.fitted, self.model, self.loop.position.step)

    def answer(self, text: str) -> dict[str, Any]:
        """The intent and the entities of one message, in the form of Rasa's `parse`; of DIET."""
        return next(self.answers([text]))

    def answers(self, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The same of several messages, in order; they are answered in batches."""
        return self.trained.answer(texts)

    def save(self, run_dir: str | Path) -> TrainedRun:
        """Write what was trained as a run directory, as `train` leaves it.

        Raises:
            InputError: the directory cannot be written.
        """
        run = RunDirectory(Path(run_dir))
        run.create()
        run.record(self.data.facts(self.config), self.data.fitted)
        Checkpointer(run.checkpoints, self.loop.variables).save(self.loop.position, metrics={})
        return TrainedRun(run_dir)


def _paths(given: str | Path | Sequence[str | Path]) -> list[Path]:
    return [Path(given)] if isinstance(given, str | Path) else [Path(path) for path in given]
