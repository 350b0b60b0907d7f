"""A trained run from Python: everything its directory holds, ready to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import Event
from data_pipeline.errors import InputError
from trainer.components import answering_elsewhere
from trainer.messages.answers import together
from trainer.models import MODELS
from trainer.records.run_directory import RunDirectory, runs_in
from trainer.roles import Policy, Remarks, Role, Understands
from trainer.task import Evaluation, Task

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
    def _loaded(self) -> dict[Path, Any]:
        return {}

    def _load(self, kind: type[Task], run: RunDirectory) -> Any:
        if run.path not in self._loaded:
            self._loaded[run.path] = kind.load(run.path)
        return self._loaded[run.path]

    def _runs(self, wanted: Callable[[type[Task]], bool]) -> list[tuple[type[Task], RunDirectory]]:
        """The runs of the wanted models, in the order of training, and of which model each is."""
        return [
            (kind, run)
            for kind in MODELS
            for run in runs_in(self.directory)
            if wanted(kind) and run.model() == kind.model
        ]

    def _of_role(self, role: Role) -> dict[str, Any]:
        """The trained models of this role, by their names."""
        return {
            kind.model if run.path == self.directory else run.path.name: self._load(kind, run)
            for kind, run in self._runs(lambda kind: kind.role is role)
        }

    def plays(self, role: Role) -> bool:
        """Whether a model of this role was trained."""
        return bool(self._runs(lambda kind: kind.role is role))

    @cached_property
    def of_messages(self) -> dict[str, Understands]:
        """The trained models that answer messages, by their names."""
        return self._of_role(Role.UNDERSTANDS)

    @cached_property
    def policies(self) -> dict[str, Policy]:
        """The trained models that go on with dialogues, by their names."""
        return self._of_role(Role.ACTS)

    @cached_property
    def of_dialogues(self) -> dict[str, Remarks]:
        """The trained models that remark on dialogues, by their names."""
        return self._of_role(Role.REMARKS)

    @property
    def policy(self) -> Policy:
        """The first model that goes on with dialogues.

        Raises:
            InputError: there is none, or it has no usable checkpoint.
        """
        if not self.policies:
            raise self._lacks(Role.ACTS)
        return next(iter(self.policies.values()))

    def answer(self, text: str) -> dict[str, Any]:
        """What is understood of one message, in the form of Rasa's `parse`.

        Intent and entities; and `response_selector`, if response selectors were trained, too.
        """
        return next(self.answers([text]))

    def answers(self, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The same of several messages, in order; they are answered in batches.

        Raises:
            InputError: there is no model for that, or it has no usable checkpoint.
        """
        if not self.of_messages:
            raise self._lacks(Role.UNDERSTANDS)
        return together(self.of_messages.values(), texts)

    def next_action(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        """What the bot may do after these events, best first: `name` and `confidence` each.

        Raises:
            InputError: there is no model for that, or it has no usable checkpoint.
        """
        return self.policy.next_actions([events])[0]

    def remarks(self, events: Sequence[Event]) -> dict[str, Any]:
        """What other models say of a dialogue, by their names; those that have something to say.

        That of unexpected intents tells whether the user was to be expected to say that.
        """
        said = {name: model.remarks([events])[0] for name, model in self.of_dialogues.items()}
        return {name: remark for name, remark in said.items() if remark is not None}

    @property
    def domain(self) -> Domain:
        """Of the models of dialogues.

        Raises:
            InputError: there are none.
        """
        if self.of_dialogues:
            return next(iter(self.of_dialogues.values())).domain
        return self.policy.domain

    def _lacks(self, role: Role) -> InputError:
        kinds = [kind.model for kind in MODELS if kind.role is role]
        if not runs_in(self.directory):
            RunDirectory(self.directory).existing_model()  # says that this is no run's directory
        here = RunDirectory(self.directory).model()
        return InputError(
            f"{self.directory} {f'is a run of {here.upper()} and ' if here else ''}holds no run of "
            f"{' or '.join(map(str.upper, kinds))}, which {role.value}. "
            f"Train one (--model {kinds[0]})."
        )

    def answering_elsewhere(self, *sections: str) -> list[str]:
        """The components of the configuration that answer in Rasa and not here.

        Args:
            sections: of `config.yml`: `pipeline` (messages), `policies` (dialogues).
        """
        facts = RunDirectory(self.directory).facts() or {}
        recorded = facts.get("components", {})  # runs of earlier versions say nothing
        return [name for s in sections for name in answering_elsewhere(recorded.get(s, ()))]

    def evaluate(
        self, *, nlu: Sequence[str | Path] = (), stories: Sequence[str | Path] = ()
    ) -> Evaluation:
        """How good the models are on test messages (`nlu`) or on test stories.

        Of several models the figures of the first come as they are, those of others by their name.

        Raises:
            InputError: neither or both are given, there is no model for them, or no test data.
        """
        if bool(nlu) == bool(stories):
            raise InputError("evaluate takes either nlu=[PATH] or stories=[PATH].")
        test_data, paths = ("nlu", nlu) if nlu else ("stories", stories)
        of_model: dict[type[Task], list[Any]] = {}
        for kind, run in self._runs(lambda kind: kind.test_data == test_data):
            of_model.setdefault(kind, []).append(self._load(kind, run))
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

        directory = Path(out or self.directory / "saved_model")
        return export(RunDirectory(self.directory), directory, options)


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
