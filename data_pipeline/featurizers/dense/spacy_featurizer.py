"""The word vectors of a spaCy model, as Rasa's SpacyFeaturizer uses them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from data_pipeline.component_options import read_options
from data_pipeline.featurizers.dense_features import Pooling
from data_pipeline.featurizers.featurizer import Featurizer
from data_pipeline.tokenizers.spacy_model import SpacyModel, check_same_model
from data_pipeline.warnings_to_user import warn

NAME = "SpacyFeaturizer"


@dataclass(frozen=True)
class SpacyFeaturizerOptions:
    """Options of `rasa.nlu.featurizers.dense_featurizer.spacy_featurizer`.

    Attributes:
        pooling: how the vectors of a text's tokens make the text's. Unknown tokens do not count.
        alias: what a model's `featurizers:` option calls it.
    """

    pooling: Pooling = "mean"
    alias: str | None = None


class SpacyFeaturizer(Featurizer):
    """The vector that a spaCy model has for each token, zeros for an unknown one.

    Mirrors `rasa.nlu.featurizers.dense_featurizer.spacy_featurizer.SpacyFeaturizer`: a model
    without vectors (those called `sm`) gives no features. A run does not keep the vectors: the
    model has to be there for its tokens anyway.

    >>> featurizer = SpacyFeaturizer({}, SpacyModel("en_core_web_md"))   # doctest: +SKIP
    >>> featurizer.fit([])                                               # doctest: +SKIP
    >>> featurizer.token_vectors(["hello"]).shape                        # doctest: +SKIP
    (1, 300)
    """

    name = NAME

    def __init__(self, options: Mapping[str, Any] | None, model: SpacyModel) -> None:
        """Checks the options (`InputError`)."""
        self._options = read_options(NAME, options or {}, SpacyFeaturizerOptions)
        self._model = model
        self._identity: str | None = None
        self.alias = self._options.alias or NAME
        self.pooling = self._options.pooling

    def options(self) -> dict[str, Any]:
        """Its own and those of SpacyNLP. The model's files are those of the tokenizer."""
        return {**asdict(self._options), **asdict(self._model)}

    def continue_from(self, earlier: SpacyFeaturizer) -> None:
        """There is nothing to add to."""

    def fit(self, statistics: Iterable[None]) -> None:
        """Looks how long the vectors are; nothing is learnt from messages."""
        self._identity = self._model.identity()
        self.dense_width = self._model.language.vocab.vectors_length
        if not self.dense_width:
            warn(
                f"{NAME}: the spaCy model {self._identity} has no word vectors, so this component "
                "adds no features; use a larger model, such as one whose name ends in md or lg"
            )

    def token_vectors(self, tokens: Sequence[str]) -> np.ndarray:
        """`[tokens, dense_width]`: those of spaCy for tokens written so."""
        from spacy.tokens import Doc

        check_same_model(NAME, self._model, self._identity)
        words = Doc(self._model.language.vocab, words=list(tokens))
        rows = [word.vector for word in words]
        return np.array(rows, np.float32).reshape(len(tokens), self.dense_width)

    def state(self) -> dict[str, Any]:
        """Which model it is, and the length of its vectors."""
        return {"model": self._identity, "dense_width": self.dense_width}

    @classmethod
    def restore(cls, options: Mapping[str, Any], state: Mapping[str, Any]) -> SpacyFeaturizer:
        """The model has to be on the machine (`InputError`)."""
        names = [option.name for option in fields(SpacyModel)]
        model = SpacyModel(**{name: options[name] for name in names})
        model.check_is_there()
        rest = {name: value for name, value in options.items() if name not in names}
        featurizer = cls(rest, model)
        featurizer._identity = state["model"]
        featurizer.dense_width = state["dense_width"]
        return featurizer
