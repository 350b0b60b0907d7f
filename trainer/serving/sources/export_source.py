"""Exported models as what answers: the newest version folder of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import Event
from data_pipeline.dialogue_graph.turns import request_of, turns_of_events
from data_pipeline.errors import InputError
from trainer.diet.trained import direct_intent
from trainer.export.message_answers import message_answers
from trainer.export.model_card import CARD_JSON
from trainer.export.saved_model import EXTRA_ASSETS
from trainer.export.served_model import DEFAULT
from trainer.export.served_ted import NEXT_ACTION
from trainer.serving.answering import Answer, Answering, Ranking

Signature = Callable[..., dict[str, tf.Tensor]]


class ExportSource:
    """Of one exported model, or of several in one folder: a DIET, a TED, or one of each.

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
            InputError: one is no DIET or TED, takes no texts or turns, or there are two of a kind.
        """
        loaded: dict[str, _Exported] = {}
        for folder in map(_newest_version, exports_in(self.place)):
            exported = _Exported(folder)
            if exported.model in loaded:
                raise InputError(
                    f"{loaded[exported.model].folder} and {folder} are both of "
                    f"{exported.model.upper()}. Serve the folder of one of them."
                )
            loaded[exported.model] = exported
        diet, ted = loaded.get("diet"), loaded.get("ted")
        domain = ted.domain() if ted else None
        return Answering(
            version=", ".join(
                f"{name} version {one.folder.name} (step {one.step})"
                for name, one in loaded.items()
            ),
            models={
                name: {"step": one.step, "version": int(one.folder.name)}
                for name, one in loaded.items()
            },
            messages=_messages(diet.signature(DEFAULT, "text")) if diet else None,
            dialogues=(
                _dialogues(ted.signature(NEXT_ACTION, "intents"), domain)
                if ted and domain
                else None
            ),
            domain=domain,
        )


class _Exported:
    """A version folder, loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._extra = folder / EXTRA_ASSETS
        try:
            card = json.loads((self._extra / CARD_JSON).read_text(encoding="utf-8"))
            self.model, self.step = str(card["model"]), int(card["step"])
            self._missing: Sequence[str] = card["missing"]
            self._loaded = tf.saved_model.load(str(folder))
        except (OSError, ValueError, KeyError, TypeError, tf.errors.OpError) as error:
            raise InputError(f"{folder} is not what export writes: {error}") from None
        if self.model not in ("diet", "ted"):
            raise InputError(f"{folder} is a {self.model}; serve takes exports of DIET and TED.")

    def signature(self, name: str, wanted: str) -> Signature:
        """The signature of this name, which takes a tensor `wanted`."""
        found = self._loaded.signatures.get(name)
        if found is None or wanted not in found.structured_input_signature[1]:
            reason = " ".join(self._missing) or f"it has no signature {name} of {wanted!r}."
            raise InputError(f"{self.folder} cannot be served: {reason} Serve its run directory.")
        # The module goes with its functions, which alone do not keep its variables.
        return lambda _module=self._loaded, **tensors: found(**tensors)

    def domain(self) -> Domain:
        """Of a TED: what turns of dialogues are made by."""
        return DialogueFeaturizer.load(self._extra).domain


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


def _messages(signature: Signature) -> Callable[[Sequence[str]], list[Answer]]:
    def answer(texts: Sequence[str]) -> list[Answer]:
        asked = [text for text in texts if not direct_intent(text)]
        outputs = _arrays(signature(text=tf.constant(asked, tf.string)))
        answers = message_answers(asked, outputs)
        return [direct_intent(text) or next(answers) for text in texts]

    return answer


def _dialogues(
    signature: Signature, domain: Domain
) -> Callable[[Sequence[Sequence[Event]]], list[Ranking]]:
    def answer(dialogues: Sequence[Sequence[Event]]) -> list[Ranking]:
        request = request_of([turns_of_events(events, domain) for events in dialogues])
        outputs = _arrays(signature(**{name: tf.constant(a) for name, a in request.items()}))
        return [
            [
                {"name": name.decode(), "confidence": float(confidence)}
                for name, confidence in zip(names, confidences, strict=True)
            ]
            for names, confidences in zip(
                outputs["action_names"], outputs["action_confidences"], strict=True
            )
        ]

    return answer


def _arrays(tensors: dict[str, tf.Tensor]) -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}
