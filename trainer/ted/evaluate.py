"""How good a trained TED is on test stories: actions, whole dialogues, and what goes wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sklearn.metrics import accuracy_score, classification_report, f1_score

from data_pipeline.dialogue.predictions import Question
from data_pipeline.dialogue.trackers.tracker import Tracker
from trainer.dialogues.told_dialogues import event_line, told_dialogues, with_marks
from trainer.task import Evaluation
from trainer.ted.trained import TrainedTED

CONFUSIONS_SHOWN = 10
EVENTS_BEFORE = 6


@dataclass(frozen=True)
class Failure:
    """An action that was predicted wrongly."""

    question: Question
    answer: str
    confidence: float


def evaluate(policy: TrainedTED, paths: Sequence[Path]) -> Evaluation:
    """Predict every action of the test stories from what the stories say before it.

    Mirrors `rasa test core`: the bot's listening counts, the first action of a dialogue does not,
    and after a wrong answer the story goes on as told. F1 is over the actions that occur in the
    stories.

    Raises:
        InputError: the files hold no stories.
    """
    dialogues = told_dialogues(paths, policy.featurizer.domain)
    questions, confidences = policy.answer_all([dialogue.events for dialogue in dialogues])
    actions = policy.featurizer.domain.actions
    answers = [actions[label] for label in confidences.argmax(axis=1)]
    failures = [
        Failure(question, answer, float(confidence))
        for question, answer, confidence in zip(
            questions, answers, confidences.max(axis=1), strict=True
        )
        if answer != question.action
    ]
    gold = [question.action for question in questions]
    present = sorted(set(gold))
    wrong = {failure.question.dialogue for failure in failures}
    counts = Counter((failure.question.action, failure.answer) for failure in failures)
    figures = {
        "action": {
            "accuracy": float(accuracy_score(gold, answers)),
            "weighted_f1": _f1(gold, answers, present, "weighted"),
            "macro_f1": _f1(gold, answers, present, "macro"),
            "actions": len(gold),
        },
        "dialogue": {
            "accuracy": 1 - len(wrong) / len(dialogues),
            "dialogues": len(dialogues),
        },
        "confusions": [
            {"action": action, "answer": answer, "count": count}
            for (action, answer), count in counts.most_common(CONFUSIONS_SHOWN)
        ],
        "checkpoint_step": policy.step,
    }
    tables = {
        "Actions": classification_report(gold, answers, labels=present, digits=3, zero_division=0),
        "What is confused most often": "\n".join(_confusions(counts, failures, dialogues)),
    }
    return Evaluation(figures, tables, "\n".join(_failing_dialogues(failures, dialogues)))


def _f1(gold: list[str], answers: list[str], labels: list[str], average: str) -> float:
    return float(f1_score(gold, answers, labels=labels, average=average, zero_division=0))


def _confusions(
    counts: Counter, failures: Sequence[Failure], dialogues: Sequence[Tracker]
) -> Iterator[str]:
    for (action, answer), count in counts.most_common(CONFUSIONS_SHOWN):
        share = count / len(failures)
        yield f"{count} times ({share:.0%} of the mistakes): {action}, answered {answer}; such as"
        names = (action, answer)
        example = next(f for f in failures if (f.question.action, f.answer) == names)
        position = example.question.position
        dialogue = dialogues[example.question.dialogue]
        yield f"    in {dialogue.name!r}:"
        for event in dialogue.events[max(0, position - EVENTS_BEFORE) : position]:
            yield f"      {event_line(event)}"
        yield f"    > {_verdict(example)}"


def _failing_dialogues(failures: Sequence[Failure], dialogues: Sequence[Tracker]) -> Iterator[str]:
    marks: dict[int, dict[int, str]] = defaultdict(dict)
    for failure in failures:
        marks[failure.question.dialogue][failure.question.position] = _verdict(failure)
    return with_marks(marks, dialogues)


def _verdict(failure: Failure) -> str:
    return (
        f"bot:  {failure.question.action}, answered {failure.answer} "
        f"(confidence {failure.confidence:.2f})"
    )
