"""The spaCy pipeline that SpacyNLP names: loaded once, when first used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_pipeline.component_options import read_options
from data_pipeline.errors import InputError, MissingResource
from data_pipeline.optional_packages import require_package

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

NAME = "SpacyNLP"
# The parser finds what no feature needs (Rasa leaves it out, too); so does the entity recognizer.
NOT_NEEDED = ["parser", "ner"]
TEXTS_AT_ONCE = 50
META_FILE = "meta.json"


@dataclass(frozen=True)
class SpacyModel:
    """A spaCy pipeline by name: options of `rasa.nlu.utils.spacy_utils.SpacyNLP`.

    Attributes:
        model: an installed package such as `en_core_web_md`, or a folder.
        case_sensitive: whether spaCy sees texts as they are, or in lower case; so then are tokens.
    """

    model: str = ""
    case_sensitive: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> SpacyModel:
        """Checks the options.

        Raises:
            InputError: wrong options, no `model`, no such model, or spaCy is not installed.
        """
        given = {**options, "model": options.get("model") or ""}
        checked = read_options(NAME, given, cls)
        if not checked.model:
            raise InputError(
                f"{NAME}: option 'model' is missing; name an installed spaCy model, for example "
                "'model: en_core_web_md'"
            )
        checked.check_is_there()
        return checked

    def check_is_there(self) -> None:
        """Refuse a model that is not on this machine (`InputError`), without loading it."""
        require_package(NAME, "spacy", "spacy")
        self.folder()

    def folder(self) -> Path:
        """Where the model's files are.

        Raises:
            MissingResource: nowhere.
        """
        if (Path(self.model) / META_FILE).is_file():
            return Path(self.model)
        is_name = self.model.isidentifier()
        found = find_spec(self.model) if is_name else None
        if found is None or not found.origin:
            advice = f"python -m spacy download {self.model}" if is_name else "correct the path"
            raise MissingResource(
                f"{NAME}: there is no spaCy model {self.model!r} here, neither as a package nor as "
                f"a folder with {META_FILE}; {advice}"
            )
        return Path(found.origin).parent

    def files(self) -> list[Path]:
        """All files of the model, sorted."""
        return sorted(
            path
            for path in self.folder().rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        )

    @property
    def language(self) -> Language:
        """The loaded pipeline.

        Raises:
            InputError: it cannot be loaded, or is for another version of spaCy.
        """
        return _loaded(self.model)

    def identity(self) -> str:
        """Language, name and version, as `en_core_web_md-3.8.0`."""
        meta = self.language.meta
        return f"{meta['lang']}_{meta['name']}-{meta['version']}"

    def docs(self, texts: Sequence[str]) -> Iterator[Doc]:
        """The texts, analysed."""
        seen = texts if self.case_sensitive else [text.lower() for text in texts]
        return self.language.pipe(seen, batch_size=TEXTS_AT_ONCE)


@lru_cache(maxsize=2)
def _loaded(model: str) -> Language:
    import spacy
    from spacy.util import is_compatible_version

    try:
        language = spacy.load(model, disable=NOT_NEEDED)
    except (OSError, ValueError, KeyError) as error:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{NAME}: cannot load the spaCy model {model!r}: {first_line}") from error
    wanted = language.meta.get("spacy_version", "")
    if wanted and not is_compatible_version(spacy.about.__version__, wanted):
        raise InputError(
            f"{NAME}: the model {model!r} is for spaCy {wanted}; received spaCy "
            f"{spacy.about.__version__}; install the model's version for it"
        )
    return language


def check_same_model(component: str, model: SpacyModel, known: str | None) -> None:
    """Refuse to answer with another spaCy model than the one a run was trained with.

    Raises:
        InputError: they differ.
    """
    if known is not None and model.identity() != known:
        raise InputError(
            f"{component}: this was trained with the spaCy model {known}; received "
            f"{model.identity()}; install the former"
        )
