"""An exported model, loaded: its signatures, and what lies beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from data_pipeline.errors import InputError
from trainer.signatures.elsewhere import Tensors

EXTRA_ASSETS = "assets.extra"
CARD_JSON = "model_card.json"


class ExportedModel:
    """A version folder as `export` writes it.

    Attributes:
        folder: the version's folder.
        model: the name of the model.
        step: finished training steps.
        config: what `run.json` says of its configuration.

    Raises:
        InputError: it is something else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            card = json.loads((self.extra / CARD_JSON).read_text(encoding="utf-8"))
            self.model, self.step = str(card["model"]), int(card["step"])
            self.config: dict[str, Any] = card["config"]
            self._missing: Sequence[str] = card["missing"]
            self._loaded = tf.saved_model.load(str(folder))
        except (OSError, ValueError, KeyError, TypeError, tf.errors.OpError) as error:
            raise InputError(f"{folder} is not what export writes: {error}") from None

    @property
    def extra(self) -> Path:
        """Where what was learnt from the data lies."""
        return self.folder / EXTRA_ASSETS

    def signature(self, name: str, wanted: str) -> Callable[[Tensors], Tensors]:
        """The signature of this name, which takes a tensor `wanted`: arrays in, arrays out.

        Raises:
            InputError: there is none.
        """
        found = self._loaded.signatures.get(name)
        if found is None or wanted not in found.structured_input_signature[1]:
            reason = " ".join(self._missing) or f"it has no signature {name} of {wanted!r}."
            raise InputError(f"{self.folder} cannot be served: {reason} Serve its run directory.")

        # The module goes with its functions, which alone do not keep its variables.
        def ask(given: Tensors, _module: Any = self._loaded) -> Tensors:
            outputs = found(**{key: tf.constant(array) for key, array in given.items()})
            return {key: tensor.numpy() for key, tensor in outputs.items()}

        return ask
