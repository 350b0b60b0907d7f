"""How good trained response selectors are on a test file: whether they find the responses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.metrics import accuracy_score, classification_report, f1_score, precision_score

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.nlu_files import read_nlu
from data_pipeline.rasa_files.training_items import Message
from trainer.response_selector.trained import PROPERTY, TrainedResponseSelector
from trainer.task import Evaluation

DEFAULT = "default"


def evaluate(selectors: Sequence[TrainedResponseSelector], paths: Sequence[Path]) -> Evaluation:
    """Select a response for every message of a retrieval intent in the test files, and compare.

    Each message is answered by the selector of its (true) intent, else by that of all. Mirrors
    `rasa.nlu.test.evaluate_response_selections`, but the one response that Rasa leaves out, because
    there is no other, counts.

    Raises:
        InputError: the files hold no messages.
    """
    messages = read_nlu(paths).messages
    if not messages:
        raise InputError(f"{', '.join(map(str, paths))}: no test messages.")
    asked = [message for message in messages if message.response_key]
    predicted = _answers(selectors, asked)
    gold = [message.response_key or "" for message in asked]
    figures: dict[str, Any] = {
        "messages": len(gold),
        "checkpoint_steps": {run.selector: run.step for run in selectors},
    }
    if not gold:
        return Evaluation(figures, {})
    present = sorted(set(gold))
    how = {"labels": present, "average": "weighted", "zero_division": 0}
    figures |= {
        "accuracy": float(accuracy_score(gold, predicted)),
        "weighted_precision": float(precision_score(gold, predicted, **how)),
        "weighted_f1": float(f1_score(gold, predicted, **how)),
    }
    table = classification_report(gold, predicted, labels=present, digits=3, zero_division=0)
    return Evaluation(figures, {"Responses": table})


def _answers(
    selectors: Sequence[TrainedResponseSelector], messages: Sequence[Message]
) -> list[str]:
    """The response key that is found for each message; empty where no selector is for it."""
    of_intent = {run.selector: run for run in selectors}
    chosen = [of_intent.get(m.intent or DEFAULT, of_intent.get(DEFAULT)) for m in messages]
    answers = [""] * len(messages)
    for run in selectors:
        places = [place for place, chosen_run in enumerate(chosen) if chosen_run is run]
        said = run.answer([messages[place].text for place in places])
        for place, answer in zip(places, said, strict=True):
            selected = answer.get(PROPERTY, {}).get(run.selector, {}).get("response", {})
            answers[place] = selected.get("intent_response_key") or ""
    return answers
