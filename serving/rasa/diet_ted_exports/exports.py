"""The folders that `python -m trainer export` writes, found and checked. Needs Python alone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Tuple

SAVED_MODEL = "saved_model.pb"
SUMS_FILE = "SHA256SUMS"
EXTRA_ASSETS = "assets.extra"
CARD_FILE = f"{EXTRA_ASSETS}/model_card.json"
DOMAIN_FILE = f"{EXTRA_ASSETS}/dialogue.json"


class BadExport(ValueError):
    """What was given as an export cannot be used, and why, in one line."""


@dataclass(frozen=True)
class Kind:
    """A kind of exported model.

    Attributes:
        model: its name in the model card.
        signature: the one that answers.
        takes: what the signature takes, in words.
        gives: what it has to give, beside what every version of it has given; names of tensors.
    """

    model: str
    signature: str
    takes: str
    gives: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Export:
    """One version of an exported model.

    Attributes:
        folder: of the version.
        card: what its `model_card.json` says.
    """

    folder: Path
    card: Mapping[str, Any]

    def domain(self) -> Mapping[str, Any]:
        """The domain that a policy was trained with, as its `dialogue.json` has it.

        Raises:
            BadExport: the file is missing or damaged.
        """
        return _json(self.folder / DOMAIN_FILE)["domain"]


def find_export(given: Path, kind: Kind) -> Export:
    """The export in a folder of numbered versions (the highest number), or in a version itself.

    Raises:
        BadExport: there is none, it is one of another kind, or it lacks the signature.
    """
    folder = _version(given)
    card = _json(folder / CARD_FILE)
    if card["model"] != kind.model:
        raise BadExport(
            f"{folder} is an export of {card['model'].upper()}, not of {kind.model.upper()}."
        )
    signature = card["signatures"].get(kind.signature)
    if signature is None:
        reason = " ".join(card["missing"]) or f"It has no signature `{kind.signature}`."
        raise BadExport(f"{folder} takes no {kind.takes}. {reason}")
    lacking = [name for name in kind.gives if name not in signature["outputs"]]
    if lacking:
        raise BadExport(
            f"The signature `{kind.signature}` of {folder} does not give {', '.join(lacking)}: "
            "it was written by another version. Export the model once more."
        )
    return Export(folder, card)


def check_sums(folder: Path) -> None:
    """See that every file is the one that was exported.

    Raises:
        BadExport: a file is missing or another one, or there are no sums.
    """
    try:
        lines = (folder / SUMS_FILE).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadExport(f"{folder / SUMS_FILE} cannot be read: {error.strerror}.") from error
    for line in lines:
        digest, _, name = line.partition("  ")
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise BadExport(
                f"{folder / name} cannot be read: {error.strerror}. Copy or export it again."
            ) from error
        if found != digest:
            raise BadExport(
                f"{folder / name} is not what {SUMS_FILE} says: it was changed, or damaged on the "
                "way. Copy or export it again."
            )


def _version(given: Path) -> Path:
    if (given / SAVED_MODEL).is_file():
        return given
    if not given.is_dir():
        raise BadExport(
            f"There is no folder {given.absolute()}. Give the one that `export --out` wrote; a "
            "path is taken from the directory in which Rasa is started."
        )
    numbers = [path.name for path in given.iterdir() if path.name.isdecimal()]
    if not numbers:
        raise BadExport(
            f"{given} holds no export: neither {SAVED_MODEL} nor numbered versions. "
            "Give the folder that `export --out` wrote."
        )
    return given / max(numbers, key=int)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadExport(
            f"{path} cannot be read: {error.strerror}. Copy or export it again."
        ) from error
    except ValueError as error:
        raise BadExport(f"{path} is damaged: {error}. Copy or export it again.") from error
