"""The vectors of a language model such as BERT, as Rasa's LanguageModelFeaturizer uses them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.component_options import read_options, unknown_name
from data_pipeline.errors import InputError
from data_pipeline.featurizers.dense.language_models import LANGUAGE_MODELS
from data_pipeline.featurizers.dense.transformer_files import TransformerFiles
from data_pipeline.featurizers.dense.transformer_vectors import TransformerVectors, Words
from data_pipeline.featurizers.dense_features import TextVectors
from data_pipeline.featurizers.featurizer import Featurizer, TokenizedMessage
from data_pipeline.optional_packages import require_package
from data_pipeline.remembered import Remembered
from data_pipeline.warnings_to_user import warn

logger = logging.getLogger(__name__)

NAME = "LanguageModelFeaturizer"
REMEMBERED_TEXTS = 1000
"""In answering, the texts of a dialogue come again at each of its turns."""
PROBE = ("hello",)
PROBE_TOLERANCE = 1e-2


@dataclass(frozen=True)
class LanguageModelOptions:
    """Options of `rasa.nlu.featurizers.dense_featurizer.lm_featurizer`.

    Attributes:
        model_name: the kind of model, one of `LANGUAGE_MODELS`.
        model_weights: a folder with a model and its tokenizer, or a name on the hub; None = the
            default of the kind.
        cache_dir: where models from the hub are kept.
        alias: what a model's `featurizers:` option calls it.
    """

    model_name: str = "bert"
    model_weights: str | None = None
    cache_dir: str | None = None
    alias: str | None = None


class LanguageModelFeaturizer(Featurizer):
    """A transformer's vectors of each token in its text, and of the text.

    Mirrors `rasa.nlu.featurizers.dense_featurizer.lm_featurizer.LanguageModelFeaturizer`, on
    PyTorch. The weights stay where they are and have to be there in answering, too.

    >>> LanguageModelFeaturizer({"model_name": "roberta"})               # doctest: +SKIP
    """

    name = NAME

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Checks the options, without loading the model (`InputError`)."""
        require_package(NAME, "transformers", "language-models")
        require_package(NAME, "torch", "language-models")
        self._options = read_options(NAME, options or {}, LanguageModelOptions)
        if self._options.model_name not in LANGUAGE_MODELS:
            raise unknown_name(
                f"{NAME}: unknown model_name", self._options.model_name, list(LANGUAGE_MODELS)
            )
        self.alias = self._options.alias or NAME
        self._probe: list[float] | None = None
        self._recent = Remembered(self._computed, REMEMBERED_TEXTS)

    def options(self) -> dict[str, Any]:
        """The options in Rasa's names."""
        return asdict(self._options)

    def source_files(self) -> list[Path]:
        """The model's files; fetched first if they are not on this machine."""
        if not self._files.files():
            self._load()
        return self._files.files()

    def continue_from(self, earlier: LanguageModelFeaturizer) -> None:
        """There is nothing to add to."""

    def fit(self, statistics: Iterable[None]) -> None:
        """Looks how long the vectors are; nothing is learnt from messages."""
        model = self._load()
        self.context_width = self.context_sentence_width = model.units
        self._probe = model.of([PROBE])[0].sentence.tolist()

    def text_vectors(self, messages: Sequence[TokenizedMessage]) -> list[TextVectors]:
        """Of each token the mean of its sub-words' vectors.

        A text that is too long for the model has zeros for what is beyond, with a warning. (Rasa
        refuses to train on such a text, and answers in the same way.)
        """
        texts = [tuple(token.text for token in message.tokens) for message in messages]
        self._warn_of_long(messages, texts)
        return self._recent.of(texts)

    def state(self) -> dict[str, Any]:
        """The length of the vectors, and one of them to know the model by."""
        return {"units": self.context_width, "probe": self._probe}

    @classmethod
    def restore(
        cls, options: Mapping[str, Any], state: Mapping[str, Any]
    ) -> LanguageModelFeaturizer:
        """The model is loaded when first needed."""
        featurizer = cls(options)
        featurizer.context_width = featurizer.context_sentence_width = state["units"]
        featurizer._probe = state["probe"]
        return featurizer

    @property
    def _weights(self) -> str:
        default = LANGUAGE_MODELS[self._options.model_name].default_weights
        return self._options.model_weights or default

    @property
    def _files(self) -> TransformerFiles:
        return TransformerFiles(self._weights, self._options.cache_dir)

    def _load(self) -> TransformerVectors:
        return _loaded(self._options.model_name, self._files)

    def _computed(self, texts: Sequence[Words]) -> list[TextVectors]:
        model = self._load()
        known = np.array(self._probe, np.float32)
        now = model.of([PROBE])[0].sentence
        if known.shape != now.shape or np.abs(known - now).max() > PROBE_TOLERANCE:
            raise InputError(
                f"{NAME}: the model {self._weights!r} is not the one that this was trained with; "
                "put the former in its place, or train again"
            )
        return model.of(texts)

    def _warn_of_long(self, messages: Sequence[TokenizedMessage], texts: Sequence[Words]) -> None:
        model = self._load()
        long = [m for m, words in zip(messages, texts, strict=True) if model.too_long(words)]
        if long:
            first = long[0].message
            warn(
                f"{NAME}: {len(long)} text(s) are longer than the model takes; what is beyond has "
                f"no features. The first: {first.source} {first.text[:20]!r}…"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_recent": None}

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        self.__dict__.update(pickled, _recent=Remembered(self._computed, REMEMBERED_TEXTS))


@lru_cache(maxsize=1)
def _loaded(kind: str, files: TransformerFiles) -> TransformerVectors:
    logger.info("Loading the language model %s.", files.weights)
    return TransformerVectors(LANGUAGE_MODELS[kind], files)
