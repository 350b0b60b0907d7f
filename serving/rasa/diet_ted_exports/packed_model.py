"""An export inside of Rasa's own model: packed when Rasa trains, loaded when it answers."""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional

import numpy as np
import tensorflow as tf
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.utils.io import raise_warning

from diet_ted_exports.exports import SUMS_FILE, BadExport, Export, Kind, check_sums, find_export

logger = logging.getLogger(__name__)

MODEL = "model"
"""The option of all components: the folder of an export."""

PACKED, FACTS_FILE = "export", "facts.json"


class PackedModel:
    """A signature of a loaded SavedModel.

    Attributes:
        facts: what was packed with it.

    Raises:
        InvalidConfigException: this TensorFlow cannot load it.
    """

    def __init__(self, folder: Path, kind: Kind) -> None:
        self.facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        # The weights live as long as what was loaded.
        self._loaded = _loaded(folder / PACKED)
        self._signature = self._loaded.signatures[kind.signature]

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
        """What the signature gives, by name."""
        given = {name: tf.constant(table) for name, table in inputs.items()}
        return {name: tensor.numpy() for name, tensor in self._signature(**given).items()}


def _loaded(folder: Path) -> Any:
    try:
        return tf.saved_model.load(str(folder))
    except (OSError, ValueError, tf.errors.OpError) as error:  # an unknown operation is an OSError
        raise InvalidConfigException(
            f"TensorFlow {tf.__version__} cannot load the packed export: {error}"
        ) from error


def given_export(config: Mapping[str, Any], defaults: Mapping[str, Any], kind: Kind) -> Export:
    """The export that the option `model` names. Options that there are not are warned of.

    Raises:
        InvalidConfigException: it names none that can be used; with what to do.
    """
    unused = sorted(config.keys() - defaults.keys())
    if unused:
        raise_warning(
            f"An exported {kind.model.upper()} is trained already and takes no options but "
            f"{', '.join(defaults)}. Without effect: {', '.join(unused)}."
        )
    with _in_rasas_words():
        if not config.get(MODEL):
            raise BadExport("The option `model` is missing: the folder that `export --out` wrote.")
        return find_export(Path(config[MODEL]), kind)


def pack(
    export: Export,
    storage: ModelStorage,
    resource: Resource,
    facts: Optional[Mapping[str, Any]] = None,
) -> None:
    """Copy the export, and facts for when it answers, into Rasa's model.

    Raises:
        InvalidConfigException: its files are not those that were exported.
    """
    with _in_rasas_words():
        check_sums(export.folder)
    with storage.write_to(resource) as folder:
        shutil.rmtree(folder / PACKED, ignore_errors=True)  # of a model that is finetuned
        shutil.copytree(export.folder, folder / PACKED)
        (folder / FACTS_FILE).write_text(json.dumps(facts or {}), encoding="utf-8")
    logger.info("Packed %s.", export.folder)


def unpacked(storage: ModelStorage, resource: Resource, kind: Kind) -> PackedModel:
    """Load what `pack` has packed."""
    with storage.read_from(resource) as folder:
        return PackedModel(folder, kind)


def fingerprint(config: Mapping[str, Any], kind: Kind) -> Optional[str]:
    """What tells exports apart, so that Rasa packs one that is new.

    None if there is none, which is said when it is to be packed; or if Rasa asks with another
    component's options, as it does for what it has in its cache.
    """
    given = config.get(MODEL)
    if not given:
        return None
    try:
        export = find_export(Path(given), kind)
        return (export.folder / SUMS_FILE).read_text(encoding="utf-8")
    except (BadExport, OSError):
        return None


@contextmanager
def _in_rasas_words() -> Iterator[None]:
    """Rasa prints its own exceptions as a line, and hides others behind one of its own."""
    try:
        yield
    except BadExport as error:
        raise InvalidConfigException(str(error)) from error
