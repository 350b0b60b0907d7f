"""A trained run from Python: everything its directory holds, ready to answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import Event
from data_pipeline.errors import InputError
from trainer.diet.trained import TrainedDIET
from trainer.models import MODELS, load_trained
from trainer.records.run_directory import RunDirectory, runs_in
from trainer.task import Evaluation, Task
from trainer.ted.trained import TrainedTED

if TYPE_CHECKING:
    from trainer.export.saved_model import ExportOptions


class TrainedRun:
    """The models that were trained into one run directory; each is loaded when first asked.

    >>> run = TrainedRun("runs/pizza")                                  # doctest: +SKIP
    >>> run.answer("two large pizzas")["intent"]                        # doctest: +SKIP
    {'name': 'order_pizza', 'confidence': 0.99}

    Args:
        directory: what training was given as `run_dir`, or the directory of one model in it.
    """

    def __init__(self, directory: str | Path):
        self.directory = Path(directory)

    @cached_property
    def diet(self) -> TrainedDIET:
        """The trained DIET.

        Raises:
            InputError: there is none, or it has no usable checkpoint.
        """
        return TrainedDIET.load(self.directory)

    @cached_property
    def ted(self) -> TrainedTED:
        """The trained TED.

        Raises:
            InputError: there is none, or it has no usable checkpoint.
        """
        return TrainedTED.load(self.directory)

    def answer(self, text: str) -> dict[str, Any]:
        """What is understood of one message, in the form of Rasa's `parse`.

        Intent and entities; and `response_selector`, if response selectors were trained, too.
        """
        return next(self.answers([text]))

    def answers(self, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The same of several messages, in order; they are answered in batches."""
        said = [model.answer(texts) for model in self.of_messages.values() or [self.diet]]
        return map(_together, zip(*said, strict=True))

    @cached_property
    def of_messages(self) -> dict[str, Any]:
        """The trained models that answer messages, by their names."""
        return {
            kind.model if run.path == self.directory else run.path.name: (
                self.diet if kind.model == "diet" else kind.load(run.path)
            )
            for kind, run in self._runs("nlu")
        }

    def _runs(self, test_data: str) -> list[tuple[type[Task], RunDirectory]]:
        """The runs of models that are evaluated on such data, and of which model each is."""
        return [
            (kind, run)
            for kind in MODELS
            for run in runs_in(self.directory)
            if kind.test_data == test_data and run.model() == kind.model
        ]

    def next_action(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        """What the bot may do after these events, best first: `name` and `confidence` each."""
        return self.ted.next_action(events)

    def remarks(self, events: Sequence[Event]) -> dict[str, Any]:
        """What the models beside TED say of a dialogue, by their names; those that have something
        to say. That of unexpected intents tells whether the user was to be expected to say that.
        """
        said = {name: model.remark(events) for name, model in self._remarking.items()}
        return {name: remark for name, remark in said.items() if remark is not None}

    @cached_property
    def _remarking(self) -> dict[str, Any]:
        of_dialogues = self._runs("stories")
        return {
            kind.model: kind.load(run.path) for kind, run in of_dialogues if kind.model != "ted"
        }

    @property
    def domain(self) -> Domain:
        """Of the models of dialogues.

        Raises:
            InputError: there are none.
        """
        model = next(iter(self._remarking.values()), None)
        return self.ted.featurizer.domain if model is None else model.featurizer.domain

    def holds(self, model: str) -> bool:
        """Whether there is a run of this model."""
        return any(run.model() == model for run in runs_in(self.directory))

    def evaluate(
        self, *, nlu: Sequence[str | Path] = (), stories: Sequence[str | Path] = ()
    ) -> Evaluation:
        """How good the models are on test messages (`nlu`) or on test stories.

        Of several models the figures of the first come as they are, those of others by their name.

        Raises:
            InputError: neither or both are given, there is no model for them, or no test data.
        """
        if bool(nlu) == bool(stories):
            raise InputError("evaluate takes either nlu=[PATH] (DIET) or stories=[PATH] (TED).")
        test_data, paths = ("nlu", nlu) if nlu else ("stories", stories)
        of_model: dict[type[Task], list[Any]] = {}
        for kind, run in self._runs(test_data):
            of_model.setdefault(kind, []).append(kind.load(run.path))
        if not of_model:
            model = RunDirectory(self.directory).existing_model()
            kinds = [kind.model.upper() for kind in MODELS if kind.test_data == test_data]
            raise InputError(
                f"{self.directory} is a run of {model.upper()}, which is not evaluated by "
                f"--{test_data}; it holds no run of {' or '.join(kinds)}."
            )
        given = [Path(path) for path in paths]
        return _joined({kind.model: kind.evaluate(of, given) for kind, of in of_model.items()})

    def export(self, out: str | Path | None = None, options: ExportOptions | None = None) -> Path:
        """Write the model of this directory as a SavedModel: the next numbered version in `out`.

        Without `out` that is `saved_model/` in this directory.

        Raises:
            InputError: it cannot be written there, or does not answer as it should.
        """
        from trainer.export.saved_model import export

        trained = load_trained(self.directory)
        directory = Path(out or self.directory / "saved_model")
        return export(trained, RunDirectory(self.directory), directory, options)


def _together(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What several models say to a message; maps of the same name are joined."""
    joined: dict[str, Any] = {}
    for key, value in (item for answer in answers for item in answer.items()):
        if isinstance(value, dict) and key in joined:
            joined[key] = {**joined[key], **value}
        else:
            joined.setdefault(key, value)
    return joined


def _joined(evaluations: dict[str, Evaluation]) -> Evaluation:
    first, *others = evaluations.items()
    figures, tables = dict(first[1].figures), dict(first[1].tables)
    failures = first[1].failures
    for name, evaluation in others:
        figures[name] = evaluation.figures
        tables |= {f"{name}: {title}": table for title, table in evaluation.tables.items()}
        if evaluation.failures:
            failures = "\n".join(filter(None, (failures, evaluation.failures)))
    return Evaluation(figures, tables, failures)
