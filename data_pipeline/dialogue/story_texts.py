"""Texts of end-to-end stories, featurized as the NLU pipeline featurizes texts.

As soon as one story holds a text instead of an intent or action, names, too, are told apart by
their words rather than by a column of their own (`CoreFeaturizationInputConverter` and
`SingleStateFeaturizer._extract_state_features`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from scipy.sparse import csr_matrix, hstack, vstack

from data_pipeline.batches.example_store import ExampleStore
from data_pipeline.dialogue.domain.domain import DEFAULT_ACTIONS, Domain
from data_pipeline.dialogue.domain.events import ActionExecuted, StoryEntity, UserUttered
from data_pipeline.dialogue.state_features import NAME_ATTRIBUTES, TEXT_ATTRIBUTES
from data_pipeline.dialogue.stories.story_steps import StoryStep
from data_pipeline.entities.tags import TagVocabulary
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import FittedPipeline, store_messages
from data_pipeline.messages.scan import Scanner, ScanResult, SideItems
from data_pipeline.rasa_files.nlu_files import iter_nlu
from data_pipeline.rasa_files.training_items import Entity, Message

CHUNK_MESSAGES = 2000
NOT_FOR_BOT_TEXTS = "LexicalSyntacticFeaturizer"
NO_INTENT = "-"
"""Stands where a text of a story has no intent; nobody looks at these labels."""


@dataclass(frozen=True)
class StoryTexts:
    """Fitted pipelines for what is said and for names.

    Attributes:
        pipelines: `text` and `action_text` -> the pipeline; the first has the entity tags.
        names: `intent` and `action_name` -> the pipeline that knows the words of such names; empty
            if no featurizer looks at words of names, which then stay one-hot.
        annotations: a user text -> its entities.
    """

    pipelines: Mapping[str, FittedPipeline]
    names: Mapping[str, FittedPipeline]
    annotations: Mapping[str, tuple[StoryEntity, ...]]

    @property
    def entity_tags(self) -> tuple[str, ...]:
        """The entity tags of user texts, by id; none if there are no such texts or entities."""
        pipeline = self.pipelines.get("text")
        return pipeline.tags.tags.get("entity", ()) if pipeline else ()

    @classmethod
    def fit(
        cls,
        settings: FeatureSettings,
        domain: Domain,
        steps: Iterable[StoryStep],
        nlu_paths: Sequence[Path],
    ) -> StoryTexts:
        """Learns the vocabularies from NLU examples and stories, as `E2EImporter` joins them."""
        events = [event for step in steps for event in step.events]
        users = [event for event in events if isinstance(event, UserUttered)]
        annotations: dict[str, tuple[StoryEntity, ...]] = {}
        for user in users:
            if user.text:  # beside an intent, too: Rasa's vocabulary has these texts
                annotations.setdefault(user.text, user.entities)
        side_items = SideItems()
        examples = list(side_items.take_from(iter_nlu(nlu_paths))) if nlu_paths else []
        pipelines = {}
        if any(user.is_end_to_end for user in users):
            spoken = (_message(text, entities) for text, entities in annotations.items())
            fitted = _fit(settings.scanner(), chain(examples, spoken), side_items)
            wanted = settings.entities and domain.entity_states
            tags = TagVocabulary({"entity": domain.entity_states} if wanted else {}, settings.bilou)
            pipelines["text"] = replace(fitted, tags=tags)
        if domain.action_texts:
            scanner = settings.scanner()
            of_bots = [f for f in scanner.featurizers if f.name != NOT_FOR_BOT_TEXTS]
            said = map(_message, domain.action_texts)
            pipelines["action_text"] = _fit(replace(scanner, featurizers=of_bots), said, side_items)
        actions = {e.name for e in events if isinstance(e, ActionExecuted) and e.name}
        names: dict[str, set[str | None]] = {
            "intent": {user.intent for user in users} | {example.intent for example in examples},
            "action_name": {*DEFAULT_ACTIONS, *actions},
        }
        return cls(pipelines, _fit_names(settings, names), annotations)

    def store(self, attribute: str, texts: Sequence[str]) -> ExampleStore:
        """The texts, featurized, one example each; of user texts with their tags."""
        messages = [_message(text, self.annotations.get(text, ())) for text in texts]
        return store_messages(self.pipelines[attribute], messages)

    def name_rows(self, attribute: str, names: Sequence[str]) -> csr_matrix:
        """`[names, width]` float32: per name the sum of its words' rows; zeros for no name."""
        pipeline = self.names[attribute]
        width = _width_of_names(pipeline)
        none = csr_matrix((0, width), dtype="float32")
        return csr_matrix(vstack([none, *(_name_row(pipeline, name, width) for name in names)]))

    def save(self, directory: Path) -> None:
        """Write the pipelines; annotations are needed in training only."""
        for attribute, pipeline in {**self.pipelines, **self.names}.items():
            (directory / attribute).mkdir(exist_ok=True)
            pipeline.save(directory / attribute)

    @classmethod
    def load(cls, directory: Path) -> StoryTexts:
        """Read what `save` wrote."""
        texts, names = (
            {
                name: FittedPipeline.load(directory / name)
                for name in attributes
                if (directory / name).is_dir()
            }
            for attributes in (TEXT_ATTRIBUTES, NAME_ATTRIBUTES)
        )
        return cls(texts, names, annotations={})


def is_end_to_end(domain: Domain, steps: Iterable[StoryStep]) -> bool:
    """Whether any story says a text where others have an intent or an action."""
    return bool(domain.action_texts) or any(
        isinstance(event, UserUttered) and event.is_end_to_end
        for step in steps
        for event in step.events
    )


def _fit(
    scanner: Scanner, messages: Iterable[Message], side_items: SideItems | None = None
) -> FittedPipeline:
    messages = iter(messages)
    chunks = iter(lambda: list(islice(messages, CHUNK_MESSAGES)), [])
    scanned = map(scanner, chunks)
    return ScanResult.of_chunks(scanner, scanned, side_items or SideItems()).fit(scanner)


def _message(text: str, entities: Sequence[StoryEntity] = ()) -> Message:
    """A text of a story; entities without a place in it, as of `/intent{...}`, are left out."""
    placed = (
        Entity(e.start, e.end, e.entity, str(e.value), e.role, e.group)
        for e in entities
        if e.start is not None and e.end is not None
    )
    return Message(text, NO_INTENT, tuple(placed))


def _fit_names(
    settings: FeatureSettings, names: Mapping[str, set[str | None]]
) -> dict[str, FittedPipeline]:
    """Attribute -> the pipeline that knows the words of its names, if any featurizer does."""
    fitted = {}
    for attribute, known in names.items():
        words = sorted(name for name in known if name)
        pipeline = _fit(settings.scanner(), (Message(name, name) for name in words))
        if _width_of_names(pipeline):
            fitted[attribute] = pipeline
    return fitted


def _width_of_names(pipeline: FittedPipeline) -> int:
    return sum(featurizer.label_width for featurizer in pipeline.featurizers)


def _name_row(pipeline: FittedPipeline, name: str, width: int) -> csr_matrix:
    tokens = pipeline.tokenizer.label_tokens(name) if name else []
    if not tokens:
        return csr_matrix((1, width), dtype="float32")
    of_names = [featurizer for featurizer in pipeline.featurizers if featurizer.label_width]
    rows = hstack([featurizer.label_rows(tokens) for featurizer in of_names], format="csr")
    return csr_matrix(rows.sum(axis=0), dtype="float32")
