"""The first pass over the messages: what has to be known before any of them can be encoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from data_pipeline.entities.decoding import SynonymMapper, SynonymStatistics
from data_pipeline.entities.tags import (
    TagStatistics,
    fit_tags,
    misaligned,
    observe_tags,
)
from data_pipeline.featurizers.featurizer import Featurizer, tokenize
from data_pipeline.featurizers.regex_featurizer import RegexFeaturizer
from data_pipeline.messages.fitted_pipeline import FittedPipeline
from data_pipeline.messages.label_features import build_label_features
from data_pipeline.messages.labelling import ByIntent, Labelling
from data_pipeline.rasa_files.nlu_files import add_synonym
from data_pipeline.rasa_files.training_items import (
    Entity,
    LookupTable,
    Message,
    RegexPattern,
    Synonym,
    TokenType,
    TrainingItem,
)
from data_pipeline.tokenizers.tokenizer import Tokenizer

SHOWN_MISALIGNED = 3


@dataclass(frozen=True)
class Misaligned:
    """An annotated entity whose borders are not token borders."""

    message: Message
    entity: Entity

    def __str__(self) -> str:
        covered = self.message.text[self.entity.start : self.entity.end]
        return f"{self.message.source}: [{covered}]({self.entity.entity}) in {self.message.text!r}"


@dataclass
class Statistics:
    """What some messages tell; made by `Scanner`, of a chunk in a worker process."""

    messages: int
    without_tokens: int
    tokens: set[TokenType]
    labels: Counter
    tags: TagStatistics
    synonyms: SynonymStatistics
    featurizers: list[Any]
    misaligned: int
    shown_misaligned: list[Misaligned]

    def add(self, later: Statistics, featurizers: Sequence[Featurizer]) -> None:
        """Take in what the messages after these tell, as the featurizers merge it."""
        self.messages += later.messages
        self.without_tokens += later.without_tokens
        self.tokens |= later.tokens
        self.labels.update(later.labels)
        self.tags = {head: tags | later.tags[head] for head, tags in self.tags.items()}
        self.synonyms.merge(later.synonyms)
        pairs = zip(featurizers, self.featurizers, later.featurizers, strict=True)
        self.featurizers = [featurizer.merge(total, more) for featurizer, total, more in pairs]
        self.misaligned += later.misaligned
        self.shown_misaligned = [*self.shown_misaligned, *later.shown_misaligned][:SHOWN_MISALIGNED]


@dataclass
class Scanner:
    """Looks through one chunk of messages. Picklable.

    Attributes:
        bilou: BILOU tags rather than plain ones.
        entities: whether tags are wanted at all.
        labelling: what the labels of messages are. A message without one is no example.
    """

    tokenizer: Tokenizer
    featurizers: Sequence[Featurizer]
    bilou: bool
    entities: bool
    labelling: Labelling = ByIntent()

    def __call__(self, messages: Sequence[Message]) -> Statistics:
        tokenized = tokenize(self.tokenizer, messages)
        kept = [message for message in tokenized if message.tokens]
        labels = [self.labelling.label_of(message.message) for message in kept]
        examples = [m for m, label in zip(kept, labels, strict=True) if label is not None]
        lost = [
            Misaligned(message.message, entity)
            for message in (kept if self.entities else ())
            for entity in misaligned(message)
        ]
        return Statistics(
            messages=len(examples),
            without_tokens=len(tokenized) - len(kept),
            tokens={token.type for message in examples for token in message.tokens},
            labels=Counter(label for label in labels if label is not None),
            tags=observe_tags(kept if self.entities else (), self.bilou),
            synonyms=SynonymMapper.observe(message.message for message in kept),
            featurizers=[featurizer.observe(kept) for featurizer in self.featurizers],
            misaligned=len(lost),
            shown_misaligned=lost[:SHOWN_MISALIGNED],
        )


def statistics_of_other_texts(scanner: Scanner) -> Statistics:
    """What the texts of labels add: words of shared vocabularies, and no messages."""
    texts = [Message(text) for text in scanner.labelling.other_texts()]
    tokenized = tokenize(scanner.tokenizer, texts)
    featurizers = [f.observe(tokenized if f.shares_vocabulary else ()) for f in scanner.featurizers]
    return replace(scanner([]), featurizers=featurizers)


@dataclass
class SideItems:
    """What training files hold beside messages."""

    synonyms: dict[str, str] = field(default_factory=dict)
    regexes: list[RegexPattern] = field(default_factory=list)
    lookups: list[LookupTable] = field(default_factory=list)
    entity_names: set[str] = field(default_factory=set)

    def take_from(self, items: Iterable[TrainingItem]) -> Iterable[Message]:
        """Yield the messages one can train on; keep everything else here.

        A message without an intent (of a test file, say) is passed over here, one with an empty
        text where files are read, and one without tokens where it is encoded.
        """
        for item in items:
            if isinstance(item, Message):
                self.entity_names.update(entity.entity for entity in item.entities)
                if item.intent:
                    yield item
            elif isinstance(item, Synonym):
                add_synonym(self.synonyms, item)
            elif isinstance(item, RegexPattern):
                self.regexes.append(item)
            else:
                self.lookups.append(item)


@dataclass(frozen=True)
class ScanResult:
    """What all messages tell, and what the files hold beside them."""

    total: Statistics
    side_items: SideItems

    @classmethod
    def of_chunks(
        cls, scanner: Scanner, chunks: Iterable[Statistics], side_items: SideItems
    ) -> ScanResult:
        """Adds chunks up as they arrive, so that memory grows with the vocabulary alone."""
        total = scanner([])
        for chunk in chunks:
            total.add(chunk, scanner.featurizers)
        return cls(total, side_items)

    def token_types(self) -> list[TokenType]:
        """Every distinct token, sorted."""
        return sorted(self.total.tokens)

    def fit(self, scanner: Scanner, earlier: FittedPipeline | None = None) -> FittedPipeline:
        """The pipeline that these statistics determine; `earlier` is the one it extends."""
        for featurizer, statistics in zip(scanner.featurizers, self.total.featurizers, strict=True):
            if isinstance(featurizer, RegexFeaturizer):
                featurizer.learn_patterns(self.side_items.regexes, self.side_items.lookups)
            featurizer.fit([statistics])
        labels = tuple(sorted(self.total.labels))
        return FittedPipeline(
            tokenizer=scanner.tokenizer,
            featurizers=scanner.featurizers,
            labels=labels,
            label_features=build_label_features(
                labels,
                scanner.featurizers,
                lambda label: scanner.labelling.tokens(label, scanner.tokenizer),
            ),
            tags=fit_tags([self.total.tags], scanner.bilou),
            synonyms=SynonymMapper.fit(
                self.side_items.synonyms,
                [self.total.synonyms],
                earlier.synonyms if earlier else None,
            ),
        )
