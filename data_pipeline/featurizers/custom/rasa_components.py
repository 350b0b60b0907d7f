"""Runs a tokenizer or featurizer that was written for Rasa 3, where Rasa is importable."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from data_pipeline.errors import InputError
from data_pipeline.featurizers.custom.custom_featurizer import Rows
from data_pipeline.featurizers.custom.finding import GUIDE
from data_pipeline.rasa_files.training_items import Token
from data_pipeline.tokenizers.custom_tokenizer import Span


class RasaTokenizer:
    """A graph component as `SplitsText`."""

    def __init__(self, path: str, component: Any, options: dict[str, Any]) -> None:
        """Makes the component (`InputError` where it cannot be run by itself)."""
        self._component = _made(path, component, options)

    def tokenize(self, text: str) -> Sequence[Token]:
        """Its tokens, with lemmas and parts of speech."""
        from rasa.shared.nlu.training_data.message import Message

        (message,) = self._component.process([Message({"text": text})])
        return [
            Token(token.text, token.start, token.end, token.lemma, token.get("pos"))
            for token in message.get("text_tokens") or ()
        ]


class RasaFeaturizer:
    """A graph component as `FeaturizesTexts`."""

    def __init__(self, path: str, component: Any, options: dict[str, Any]) -> None:
        """Makes the component (`InputError` where it cannot be run by itself)."""
        self._path = path
        self._component = _made(path, component, options)

    def featurize(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> list[tuple[Rows, Rows]]:
        """Its features of the attribute `text`."""
        from rasa.nlu.tokenizers.tokenizer import Token as RasaToken
        from rasa.shared.nlu.training_data.message import Message

        messages = []
        for text, of_text in zip(texts, spans, strict=True):
            tokens = [RasaToken(text[start:end], start) for start, end in of_text]
            messages.append(Message({"text": text, "text_tokens": tokens}))
        return [self._rows(message) for message in self._component.process(messages)]

    def _rows(self, message: Any) -> tuple[Rows, Rows]:
        found: dict[str, Rows] = {}
        for features in message.features:
            if features.attribute == "text":
                if features.type in found:
                    raise InputError(
                        f"{self._path}: gives two kinds of {features.type} features, which is not "
                        "supported; make two components of it"
                    )
                dense = features.is_dense()
                rows = features.features
                found[features.type] = np.asarray(rows) if dense else csr_matrix(rows)
        return found.get("sequence"), found.get("sentence")


def _made(path: str, component: Any, options: dict[str, Any]) -> Any:
    """The component as Rasa makes it, outside of a graph."""
    if hasattr(component, "train"):
        raise _unsupported(path, "is trained")
    if len(inspect.signature(component.process).parameters) != 2:  # self, messages
        raise _unsupported(path, "needs more than messages, such as a spaCy model")
    from rasa.engine.graph import ExecutionContext, GraphSchema
    from rasa.engine.storage.local_model_storage import LocalModelStorage
    from rasa.engine.storage.resource import Resource

    config = {**component.get_default_config(), **options}
    storage = LocalModelStorage(Path(tempfile.mkdtemp(prefix="rasa-component-")))
    context = ExecutionContext(GraphSchema({}), node_name=path)
    try:
        return component.create(config, storage, Resource(path), context)
    except Exception as error:  # somebody else's component may fail in any way
        raise InputError(
            f"pipeline: the component {path} cannot be made: {type(error).__name__}: {error}"
        ) from error


def _unsupported(path: str, reason: str) -> InputError:
    return InputError(
        f"pipeline: the component {path} {reason}, which is not supported for components written "
        f"for Rasa; rewrite it as {GUIDE} says, or remove it"
    )
