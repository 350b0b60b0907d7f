"""What is learnt before a response selector is trained, and is needed for it to answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_pipeline.messages.fitted_pipeline import FittedPipeline
from data_pipeline.responses.responses import Responses

RESPONSES_FILE = "responses.json"
TEXTS_FOLDER = "response_texts"


@dataclass(frozen=True)
class FittedResponses:
    """The fitted messages-to-features side of a selector, and what it chooses from.

    Attributes:
        pipeline: featurizes messages; its labels are the responses.
        responses: all that there are.
        retrieval_intents: all that the training data has, sorted.
        texts: by text, the features of all labels (keys: `model/batch.py`); None by key.
        text_widths: their columns, by kind (`model.layers.feature_widths.FeatureWidths`).
    """

    pipeline: FittedPipeline
    responses: Responses
    retrieval_intents: tuple[str, ...]
    texts: Mapping[str, np.ndarray] | None = None
    text_widths: Mapping[str, int] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Keys or texts of the responses; a label id is an index into it."""
        return self.pipeline.labels

    def save(self, directory: Path) -> None:
        """Write everything to `directory`."""
        self.pipeline.save(directory)
        self.save_responses(directory)

    def save_responses(self, directory: Path) -> None:
        """Write everything but the pipeline."""
        plain = {
            "responses": self.responses.to_json(),
            "retrieval_intents": self.retrieval_intents,
            "text_widths": self.text_widths,
        }
        text = json.dumps(plain, ensure_ascii=False)
        (directory / RESPONSES_FILE).write_text(text, encoding="utf-8")
        if self.texts is not None:
            (directory / TEXTS_FOLDER).mkdir(exist_ok=True)
            for key, array in self.texts.items():
                np.save(directory / TEXTS_FOLDER / f"{key}.npy", array)

    @classmethod
    def load(cls, directory: Path) -> FittedResponses:
        """Read what `save` wrote."""
        return cls.with_pipeline(FittedPipeline.load(directory), directory)

    @classmethod
    def with_pipeline(cls, pipeline: FittedPipeline, directory: Path) -> FittedResponses:
        """Read what `save_responses` wrote."""
        plain = json.loads((directory / RESPONSES_FILE).read_text(encoding="utf-8"))
        texts = None
        if plain["text_widths"] is not None:
            files = sorted((directory / TEXTS_FOLDER).glob("*.npy"))
            texts = {file.stem: np.load(file, allow_pickle=False) for file in files}
        return cls(
            pipeline,
            Responses.from_json(plain["responses"]),
            tuple(plain["retrieval_intents"]),
            texts,
            plain["text_widths"],
        )
