"""How good a trained DIET is on a test file: intents, and entities per span and per token."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.metrics import accuracy_score, classification_report, f1_score

from data_pipeline.entities.regex_extractor import NAME as REGEX_EXTRACTOR
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.nlu_files import read_nlu
from data_pipeline.rasa_files.training_items import Entity, Message, Token
from trainer.diet.trained import TrainedDIET
from trainer.task import Evaluation

NO_ENTITY = "no_entity"

Span = tuple[int, int, str]
"""First character, end, and type of an entity."""


def evaluate(run: TrainedDIET, paths: Sequence[Path]) -> Evaluation:
    """Answer every message of the test files and compare.

    Raises:
        InputError: the files hold no messages.
    """
    messages = read_nlu(paths).messages
    if not messages:
        raise InputError(f"{', '.join(map(str, paths))}: no test messages.")
    answers = list(run.answer([message.text for message in messages]))
    intents, intent_table = _intents(messages, answers)
    by_model, by_look_up = _by_extractor(answers)
    entities, entity_table = _entities(run, messages, by_model)
    figures: dict[str, Any] = {
        "intent": intents,
        "entity": entities,
        "messages": len(messages),
        "checkpoint_step": run.step,
    }
    tables = {"Intents": intent_table, "Entities, per token": entity_table}
    if run.config.regex_extractors:
        figures[REGEX_EXTRACTOR], table = _entities(run, messages, by_look_up)
        tables[f"Entities of {REGEX_EXTRACTOR}, per token"] = table
    return Evaluation(figures, tables)


def _intents(messages: Sequence[Message], answers: list[dict]) -> tuple[dict[str, Any], str]:
    """Mirrors `rasa.nlu.test.evaluate_intents`: messages without a gold intent do not count."""
    pairs = [
        (message.intent, answer["intent"]["name"] or "")
        for message, answer in zip(messages, answers, strict=True)
        if message.intent
    ]
    if not pairs:
        return {"messages": 0}, ""
    gold, predicted = map(list, zip(*pairs, strict=True))
    present = sorted(set(gold))
    scores = {
        "messages": len(gold),
        "accuracy": float(accuracy_score(gold, predicted)),
        "weighted_f1": _f1(gold, predicted, present, "weighted"),
    }
    return scores, _table(gold, predicted, present)


def _by_extractor(answers: list[dict]) -> tuple[list[dict], list[dict]]:
    """The answers with the entities of the model, and with those of the look-up."""
    looked_up = [
        [entity for entity in answer["entities"] if entity.get("extractor") == REGEX_EXTRACTOR]
        for answer in answers
    ]
    others = [
        [entity for entity in answer["entities"] if entity not in found]
        for answer, found in zip(answers, looked_up, strict=True)
    ]
    return [{"entities": some} for some in others], [{"entities": some} for some in looked_up]


def _entities(
    run: TrainedDIET, messages: Sequence[Message], answers: list[dict]
) -> tuple[dict[str, Any], str]:
    gold_spans = [{_span(as_predicted(entity)) for entity in m.entities} for m in messages]
    predicted_spans = [{_span(entity) for entity in a["entities"]} for a in answers]
    gold, predicted = [], []
    for message, answer in zip(messages, answers, strict=True):
        for token in run.pipeline.tokenizer.tokenize(message.text):
            gold.append(token_label(token, [as_predicted(entity) for entity in message.entities]))
            predicted.append(token_label(token, answer["entities"]))
    types = sorted({*gold, *predicted} - {NO_ENTITY})
    scores = {
        "span_micro_f1": span_micro_f1(gold_spans, predicted_spans),
        "token_micro_f1": _f1(gold, predicted, types, "micro"),
        "token_weighted_f1": _f1(gold, predicted, types, "weighted"),
        "gold_spans": sum(map(len, gold_spans)),
        "predicted_spans": sum(map(len, predicted_spans)),
        "tokens": len(gold),
    }
    return scores, _table(gold, predicted, types)


def as_predicted(entity: Entity) -> dict[str, Any]:
    """An annotated entity in the form of a predicted one."""
    names = ("entity", "start", "end", "role", "group")
    return {name: getattr(entity, name) for name in names}


def token_label(token: Token, entities: Sequence[dict[str, Any]]) -> str:
    """The label of one token: entity, group and role of the span that covers most of it.

    Mirrors `rasa.nlu.test.determine_token_labels`.
    """
    best, most = None, 0
    for entity in entities:
        shared = min(token.end, entity["end"]) - max(token.start, entity["start"])
        if shared > most:
            best, most = entity, shared
    if best is None:
        return NO_ENTITY
    parts = (best["entity"], best.get("group"), best.get("role"))
    return ".".join(part for part in parts if part)


def span_micro_f1(gold: Sequence[set[Span]], predicted: Sequence[set[Span]]) -> float:
    """Micro F1 of spans whose borders and type are both right (CoNLL's strict rule).

    Every span that is in either answer is one decision: is it there or not?
    """
    decisions = [
        (span in expected, span in found)
        for expected, found in zip(gold, predicted, strict=True)
        for span in sorted(expected | found)
    ]
    if not decisions:
        return 0.0
    return float(f1_score(*zip(*decisions, strict=True), zero_division=0))


def _span(entity: dict[str, Any]) -> Span:
    return entity["start"], entity["end"], entity["entity"]


def _f1(gold: list[str], predicted: list[str], labels: list[str], average: str) -> float:
    if not labels:
        return 0.0
    return float(f1_score(gold, predicted, labels=labels, average=average, zero_division=0))


def _table(gold: list[str], predicted: list[str], labels: list[str]) -> str:
    if not labels:
        return ""
    return classification_report(gold, predicted, labels=labels, digits=3, zero_division=0)
