"""Takes spaCy's tokens, with their lemmas and parts of speech, as Rasa's SpacyTokenizer does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_pipeline.component_options import read_options
from data_pipeline.rasa_files.training_items import Token
from data_pipeline.remembered import Remembered
from data_pipeline.tokenizers.spacy_model import SpacyModel, check_same_model
from data_pipeline.tokenizers.tokenizer import Tokenizer, TokenizerOptions

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.tokens import Token as SpacyToken

NAME = "SpacyTokenizer"
REMEMBERED_TEXTS = 20_000
"""Preparing looks at each text twice, and answering, too."""


class SpacyTokenizer(Tokenizer):
    """The tokens of a spaCy pipeline but for blanks; in lower case unless `case_sensitive`.

    Mirrors `rasa.nlu.tokenizers.spacy_tokenizer.SpacyTokenizer` behind a `SpacyNLP`.

    >>> tokenizer = SpacyTokenizer({}, SpacyModel("en_core_web_md"))     # doctest: +SKIP
    """

    name = NAME
    tags_words = True

    def __init__(
        self, options: Mapping[str, Any] | None, model: SpacyModel, identity: str | None = None
    ) -> None:
        """Checks the options (`InputError`); `identity` is that of the model trained with."""
        super().__init__(read_options(NAME, options or {}, TokenizerOptions))
        self.model = model
        self._identity = identity
        self._recent = Remembered(self._tokens_of_all, REMEMBERED_TEXTS)

    @classmethod
    def restore(cls, options: Mapping[str, Any], state: Mapping[str, Any]) -> SpacyTokenizer:
        """The model has to be on the machine (`InputError`)."""
        names = [field.name for field in fields(SpacyModel)]
        model = SpacyModel(**{name: options[name] for name in names})
        model.check_is_there()
        rest = {name: value for name, value in options.items() if name not in names}
        return cls(rest, model, state["model"])

    def options(self) -> dict[str, Any]:
        """Its own and those of SpacyNLP."""
        return {**super().options(), **asdict(self.model)}

    def state(self) -> dict[str, Any]:
        """Which model it is."""
        return {"model": self.model.identity()}

    def source_files(self) -> list[Path]:
        """Those of the model."""
        return self.model.files()

    def _split_all(self, texts: Sequence[str]) -> Iterable[Sequence[Token]]:
        return self._recent.of(texts)

    def _tokens_of_all(self, texts: list[str]) -> Iterator[Sequence[Token]]:
        check_same_model(NAME, self.model, self._identity)
        return map(_tokens, self.model.docs(texts))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_recent": None}

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        self.__dict__.update(pickled, _recent=Remembered(self._tokens_of_all, REMEMBERED_TEXTS))


def _tokens(doc: Doc) -> tuple[Token, ...]:
    return tuple(
        Token(word.text, word.idx, word.idx + len(word.text), word.lemma_ or None, _tag(word))
        for word in doc
        if word.text.strip()
    )


def _tag(word: SpacyToken) -> str:
    """The fine-grained tag; a pipeline may have one of its own under the same name."""
    return word._.get("tag") if word._.has("tag") else word.tag_
