"""Everything that was learnt from the training data: what turns a text into features and back.

One object holds the fitted tokenizer and featurizers, the labels and the tags. Preparing a data
set, evaluating and answering all go through it, so they cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack, vstack

from data_pipeline.atomic_files import write_file
from data_pipeline.batches.example_store import ExampleStore
from data_pipeline.batches.examples import Context, Examples, FeatureTables
from data_pipeline.entities.decoding import SynonymMapper
from data_pipeline.entities.regex_extractor import EntityPatterns
from data_pipeline.entities.tags import TagVocabulary
from data_pipeline.featurizers.dense_features import DenseBlock
from data_pipeline.featurizers.featurizer import Featurizer, TextRows, TokenizedMessage, tokenize
from data_pipeline.messages.featurizer_arrays import array_file, load_array, save_array
from data_pipeline.messages.identities import IdAssigner, row_identity, vector_identity
from data_pipeline.messages.label_features import LabelFeatures
from data_pipeline.messages.pipeline_components import (
    restore_featurizer,
    restore_tokenizer,
    saved_tokenizer,
)
from data_pipeline.messages.places import Place, place_matrix, with_rows
from data_pipeline.rasa_files.training_items import Message, TokenType
from data_pipeline.tokenizers.tokenizer import Tokenizer

PIPELINE_FILE = "pipeline.json"
TOKENS_PER_BLOCK = 20_000


@dataclass
class FittedPipeline:
    """The fitted text-to-features side of a model.

    Attributes:
        labels: intent names, sorted; a label id is an index into it.
        label_features: what each label looks like to the model.
        tags: the entity, role and group tags.
        synonyms: the canonical values that entities get after prediction.
        entity_patterns: what a RegexEntityExtractor looks for; None if the pipeline has none.
        sequence_starts: `[featurizers + 1]` int64, the first column of each per token, and the end.
        sentence_starts: `[featurizers + 1]` int64, the same per text.
        label_ids: label -> id.
    """

    tokenizer: Tokenizer
    featurizers: Sequence[Featurizer]
    labels: tuple[str, ...]
    label_features: LabelFeatures
    tags: TagVocabulary
    synonyms: SynonymMapper = field(default_factory=SynonymMapper)
    entity_patterns: EntityPatterns | None = None

    def __post_init__(self) -> None:
        widths = [featurizer.sequence_width for featurizer in self.featurizers]
        self.sequence_starts = np.cumsum([0, *widths])
        sentence_widths = [featurizer.sentence_width for featurizer in self.featurizers]
        self.sentence_starts = np.cumsum([0, *sentence_widths])
        self.label_ids = {name: index for index, name in enumerate(self.labels)}

    @property
    def sequence_width(self) -> int:
        return int(self.sequence_starts[-1])

    @property
    def sentence_width(self) -> int:
        return int(self.sentence_starts[-1])

    @property
    def dense_blocks(self) -> tuple[DenseBlock, ...]:
        """The featurizers whose dense features belong to token types, in pipeline order."""
        return tuple(
            DenseBlock(f.dense_width, f.pooling) for f in self.featurizers if f.dense_width
        )

    @property
    def dense_width(self) -> int:
        """Dense numbers per token: of its type, then those that depend on the text."""
        widths = (block.width for block in self.dense_blocks)
        return sum(widths) + sum(f.context_width for f in self.featurizers)

    @property
    def sentence_dense_width(self) -> int:
        """Dense numbers per text: the pooled ones, then a language model's."""
        widths = (block.width for block in self.dense_blocks)
        return sum(widths) + sum(f.context_sentence_width for f in self.featurizers)

    @property
    def has_context(self) -> bool:
        """Whether any dense features depend on the whole text."""
        return any(f.context_width or f.context_sentence_width for f in self.featurizers)

    def without_dense_only(self) -> FittedPipeline:
        """The same sparse features, by the featurizers that have some: light to send around."""
        sparse = [f for f in self.featurizers if f.sequence_width or f.sentence_width]
        return replace(self, featurizers=sparse)

    def token_rows(self, tokens: Sequence[str], lemmas: Sequence[str] | None = None) -> csr_matrix:
        """`[tokens, sequence_width]` float32: the features that follow from each token's string.

        `lemmas` are the base forms of the tokens; without, these are the tokens themselves.
        """
        if not self.sequence_width:
            return csr_matrix((len(tokens), 0), dtype=np.float32)
        base = tokens if lemmas is None else lemmas
        blocks = [f.token_rows(base if f.reads_lemmas else tokens) for f in self.featurizers]
        rows = hstack(blocks, format="csr", dtype=np.float32)
        rows.sum_duplicates()
        return rows

    def token_vectors(self, tokens: Sequence[str]) -> np.ndarray:
        """`[tokens, dense_width]` float32: the vectors of the tokens."""
        blocks = [f.token_vectors(tokens) for f in self.featurizers if f.dense_width]
        return np.concatenate([np.zeros((len(tokens), 0), np.float32), *blocks], axis=1)

    def context(self, messages: Sequence[TokenizedMessage]) -> Context | None:
        """The dense features that depend on whole texts; None if no featurizer has such."""
        if not self.has_context:
            return None
        tokens, sentences = [], []
        for featurizer in self.featurizers:
            made = featurizer.text_vectors(messages)
            none = np.zeros((0, featurizer.context_width), np.float32)
            tokens.append(np.concatenate([none, *(of_text.tokens for of_text in made)]))
            none = np.zeros((0, featurizer.context_sentence_width), np.float32)
            sentences.append(np.concatenate([none, *(of_text.sentence[None] for of_text in made)]))
        return Context(np.concatenate(tokens, axis=1), np.concatenate(sentences, axis=1))

    def sentence_column(self) -> np.ndarray:
        """`[sequence_width]` the sentence column that sums each sequence column, or -1."""
        columns = np.full(self.sequence_width, -1, np.int64)
        for i, featurizer in enumerate(self.featurizers):
            if featurizer.sentence_sums_tokens:
                start, end = self.sequence_starts[i : i + 2]
                columns[start:end] = self.sentence_starts[i] + np.arange(end - start)
        return columns

    def place_columns(self, message: TokenizedMessage) -> list[tuple[int, ...]]:
        """Per token the active columns that depend on its place."""
        per_token: list[tuple[int, ...]] = [()] * len(message.tokens)
        for start, featurizer in zip(self.sequence_starts, self.featurizers, strict=False):
            columns = featurizer.place_columns(message)
            per_token = [
                known + tuple(int(start) + column for column in new)
                for known, new in zip(per_token, columns, strict=True)
            ]
        return per_token

    def sentence_extra(self, message: TokenizedMessage) -> dict[int, float]:
        """Sentence features beyond the sum of the token rows: column -> value."""
        extra: dict[int, float] = {}
        for start, featurizer in zip(self.sentence_starts, self.featurizers, strict=False):
            for column, value in featurizer.sentence_extra(message).items():
                extra[int(start) + column] = value
        return extra

    def places(
        self, messages: Sequence[TokenizedMessage], rows: Sequence[list[TextRows] | None]
    ) -> list[Place]:
        """The place of every token; `rows` are `text_rows` of each featurizer."""
        made = [Place(columns) for m in messages for columns in self.place_columns(m)]
        for start, of_texts in zip(self.sequence_starts, rows, strict=False):
            if of_texts:
                made = with_rows(made, of_texts, int(start))
        return made

    def sentence_extras(
        self, messages: Sequence[TokenizedMessage], rows: Sequence[list[TextRows] | None]
    ) -> list[dict[int, float]]:
        """`sentence_extra` of every message, and what `text_rows` add to it."""
        extras = [self.sentence_extra(message) for message in messages]
        for start, of_texts in zip(self.sentence_starts, rows, strict=False):
            for extra, of_text in zip(extras, of_texts or (), strict=False):
                row = of_text.sentence
                extra |= zip((row.indices + start).tolist(), row.data.tolist(), strict=True)
        return extras

    def save(self, directory: Path) -> None:
        """Write everything to `directory`: JSON, and word vectors as `.npy` files beside it."""
        saved = []
        for position, featurizer in enumerate(self.featurizers):
            arrays = featurizer.arrays()
            for name, array in arrays.items():
                save_array(array_file(directory, position, name), array)
            record = {
                "name": featurizer.name,
                "options": featurizer.options(),
                "state": featurizer.state(),
            }
            saved.append({**record, "arrays": sorted(arrays)} if arrays else record)
        state: dict[str, Any] = {
            "tokenizer": saved_tokenizer(self.tokenizer),
            "featurizers": saved,
            "labels": list(self.labels),
            "label_features": self.label_features.to_json(),
            "tags": self.tags.state(),
            "synonyms": self.synonyms.synonyms,
        }
        if self.entity_patterns is not None:
            state["entity_patterns"] = self.entity_patterns.to_json()
        text = json.dumps(state, ensure_ascii=False, sort_keys=True)
        write_file(directory / PIPELINE_FILE, text)

    @classmethod
    def load(cls, directory: Path) -> FittedPipeline:
        """Read what `save` wrote; the arrays stay on disk as memory maps.

        Raises:
            InputError: an array is missing or damaged.
        """
        state = json.loads((directory / PIPELINE_FILE).read_text(encoding="utf-8"))
        featurizers = []
        for position, saved in enumerate(state["featurizers"]):
            files = {n: array_file(directory, position, n) for n in saved.get("arrays", ())}
            arrays = {name: load_array(path) for name, path in files.items()}
            featurizers.append(restore_featurizer({**saved, "state": {**saved["state"], **arrays}}))
        patterns = state.get("entity_patterns")
        return cls(
            tokenizer=restore_tokenizer(state["tokenizer"]),
            featurizers=featurizers,
            labels=tuple(state["labels"]),
            label_features=LabelFeatures.from_json(state["label_features"]),
            tags=TagVocabulary.restore(state["tags"]),
            synonyms=SynonymMapper(state["synonyms"]),
            entity_patterns=None if patterns is None else EntityPatterns.from_json(patterns),
        )


def feature_tables(
    pipeline: FittedPipeline, types: Sequence[TokenType], places: Sequence[Place]
) -> FeatureTables:
    """The tables for these token types and places."""
    starts = range(0, max(1, len(types)), TOKENS_PER_BLOCK)
    blocks = [types[start : start + TOKENS_PER_BLOCK] for start in starts]
    token_rows = vstack([_type_rows(pipeline, block) for block in blocks], format="csr")
    vectors = np.concatenate([pipeline.token_vectors([t.text for t in b]) for b in blocks])
    dense = pipeline.dense_blocks
    return FeatureTables(
        token_rows=token_rows,
        place_rows=place_matrix(places, pipeline.sequence_width),
        token_vectors=vectors,
        token_identity=vector_identity(vectors) if dense else row_identity(token_rows),
        sentence_column=pipeline.sentence_column(),
        sentence_width=pipeline.sentence_width,
        dense_blocks=dense,
    )


def _type_rows(pipeline: FittedPipeline, types: Sequence[TokenType]) -> csr_matrix:
    return pipeline.token_rows([type_.text for type_ in types], [type_.lemma for type_ in types])


def _intent(message: Message) -> str | None:
    return message.intent


def encode(
    pipeline: FittedPipeline,
    messages: Sequence[TokenizedMessage],
    type_of: IdAssigner | Mapping[TokenType, int],
    place_of: IdAssigner,
    *,
    label_of: Callable[[Message], str | None] = _intent,
) -> Examples:
    """The messages as arrays of ids. What is no label of the pipeline becomes -1."""
    type_id = type_of if isinstance(type_of, IdAssigner) else type_of.__getitem__
    rows = [featurizer.text_rows(messages) for featurizer in pipeline.featurizers]
    places = pipeline.places(messages, rows)
    extras = pipeline.sentence_extras(messages, rows)
    tags = [pipeline.tags.encode(message) for message in messages]
    return Examples(
        lengths=np.array([len(m.tokens) for m in messages], np.int32),
        token_types=np.array([type_id(t.type) for m in messages for t in m.tokens], np.int32),
        token_places=np.array([place_of(place) for place in places], np.int32),
        labels=np.array(
            [pipeline.label_ids.get(label_of(m.message) or "", -1) for m in messages], np.int32
        ),
        tags={
            head: np.array([tag for encoded in tags for tag in encoded[head]], np.int32)
            for head in pipeline.tags.heads
        },
        extra_counts=np.array([len(extra) for extra in extras], np.int32),
        extra_columns=np.array([c for extra in extras for c in extra], np.int32),
        extra_values=np.array([v for extra in extras for v in extra.values()], np.float32),
    )


def store_messages(pipeline: FittedPipeline, messages: Sequence[Message]) -> ExampleStore:
    """Messages featurized in memory: for evaluation and prediction."""
    tokenized = tokenize(pipeline.tokenizer, messages)
    types, places = IdAssigner(), IdAssigner()
    examples = encode(pipeline, tokenized, types, places)
    examples = replace(examples, context=pipeline.context(tokenized))
    tables = feature_tables(pipeline, types.keys(), places.keys())
    return ExampleStore(tables, [examples])
