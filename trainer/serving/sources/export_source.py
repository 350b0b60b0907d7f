"""Exported models as what answers: the newest version folder of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data_pipeline.errors import InputError
from trainer.messages.answers import together
from trainer.models import model_named
from trainer.roles import RanksActions, Remarks, Role, Understands
from trainer.serving.answering import Answering
from trainer.serving.sources.policies import ensemble
from trainer.signatures.exported_model import ExportedModel
from trainer.task import Task


class ExportSource:
    """Of one exported model, or of several in one folder: one of each kind.

    A new version is a new numbered folder, as `export` and TensorFlow Serving have it. The answers
    are those of the SavedModels' signatures; no checkpoint and no featurizer of ours is asked.
    """

    def __init__(self, place: Path) -> None:
        self.place = place

    def newest(self) -> object:
        """The newest version folder of each model.

        Raises:
            InputError: there is none.
        """
        found = sorted(map(_newest_version, exports_in(self.place)))
        if not found:
            raise InputError(
                f"{self.place} is neither a run directory nor holds an exported model "
                "(NAME/1/saved_model.pb, as export writes it)."
            )
        return found

    def load(self) -> Answering:
        """Load the newest version of each.

        Raises:
            InputError: one takes no texts or turns, there are two of a kind, or none that answers.
        """
        loaded: dict[str, ExportedModel] = {}
        answering: dict[Role, dict[str, Any]] = {role: {} for role in Role}
        for folder in map(_newest_version, exports_in(self.place)):
            exported = ExportedModel(folder)
            task = model_named(exported.model)
            name = _name(task, exported)
            if name in loaded:
                raise InputError(
                    f"{loaded[name].folder} and {folder} are both of {name.upper()}. "
                    "Serve the folder of one of them."
                )
            loaded[name] = exported
            answering[task.role][name] = task.exported(exported)
        of_messages: dict[str, Understands] = answering[Role.UNDERSTANDS]
        policies: dict[str, RanksActions] = answering[Role.ACTS]
        remarking: list[Remarks] = [*answering[Role.REMARKS].values()]
        if not (of_messages or policies):
            raise InputError(
                f"{self.place} holds {', '.join(loaded)} alone, which neither "
                f"{Role.UNDERSTANDS.value} nor {Role.ACTS.value}: there is nothing to serve."
            )
        policy = next(iter(policies.values()), None)
        return Answering(
            version=", ".join(
                f"{name} version {one.folder.name} (step {one.step})"
                for name, one in loaded.items()
            ),
            models={
                name: {"step": one.step, "version": int(one.folder.name)}
                for name, one in loaded.items()
            },
            messages=(
                (lambda texts: list(together(of_messages.values(), texts))) if of_messages else None
            ),
            dialogues=ensemble(policy, remarking) if policy else None,
            domain=policy.domain if policy else None,
        )


def _name(task: type[Task], exported: ExportedModel) -> str:
    """What the run was called beside others: selectors of several intents are of one model."""
    try:
        return task.config_class.from_json(exported.config).name
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{exported.folder} is not what export writes: {error}") from None


def exports_in(place: Path) -> list[Path]:
    """The folders of models: the place itself, or those in it."""
    folders = [place, *(sorted(place.iterdir()) if place.is_dir() else ())]
    found = [folder for folder in folders if _versions(folder)]
    return found[:1] if found[:1] == [place] else found


def _newest_version(folder: Path) -> Path:
    return max(_versions(folder), key=lambda version: int(version.name))


def _versions(folder: Path) -> list[Path]:
    found = (file.parent for file in folder.glob("[0-9]*/saved_model.pb"))
    return [version for version in found if version.name.isdecimal()]
