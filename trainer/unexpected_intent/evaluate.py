"""How good a trained model of unexpected intents is on test stories: what surprises it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_pipeline.dialogue.intents.intent_questions import UserStep
from data_pipeline.dialogue.trackers.tracker import Tracker
from trainer.dialogues.told_dialogues import event_line, told_dialogues, with_marks
from trainer.task import Evaluation
from trainer.unexpected_intent.trained import TrainedUnexpectedIntent

INTENTS_SHOWN = 10
Verdict = Mapping[str, Any]


def evaluate(policy: TrainedUnexpectedIntent, paths: Sequence[Path]) -> Evaluation:
    """Ask of every step of the user in the test stories whether it was to be expected there.

    As in `rasa test core` a surprise is a warning, not a mistake: after it the story goes on as
    told. (Rasa writes such stories to `stories_with_warnings.yml`.) Accuracy is the share of steps
    with the intent that is the most similar one.

    Raises:
        InputError: the files hold no stories.
    """
    dialogues = told_dialogues(paths, policy.featurizer.domain)
    steps, verdicts = policy.answer_all([dialogue.events for dialogue in dialogues])
    surprises = [
        (step, verdict)
        for step, verdict in zip(steps, verdicts, strict=True)
        if verdict["unlikely"]
    ]
    counts = Counter(step.intent for step, _ in surprises)
    best = [verdict["ranking"][0]["name"] for verdict in verdicts]
    right = sum(step.intent == name for step, name in zip(steps, best, strict=True))
    figures = {
        "intent": {
            "steps": len(steps),
            "unlikely": len(surprises),
            "accuracy": right / len(steps) if steps else None,
        },
        "dialogue": {
            "dialogues": len(dialogues),
            "with_warnings": len({step.dialogue for step, _ in surprises}),
        },
        "unlikely": [
            {"intent": intent, "count": count}
            for intent, count in counts.most_common(INTENTS_SHOWN)
        ],
        "checkpoint_step": policy.step,
    }
    tables = {"What was not expected": "\n".join(_surprises(counts, steps))}
    return Evaluation(figures, tables, "\n".join(_stories_with_warnings(surprises, dialogues)))


def _surprises(counts: Counter, steps: Sequence[UserStep]) -> Iterator[str]:
    of_all = Counter(step.intent for step in steps)
    for intent, count in counts.most_common(INTENTS_SHOWN):
        yield f"{count} of {of_all[intent]} times: {intent}"


def _stories_with_warnings(
    surprises: Sequence[tuple[UserStep, Verdict]], dialogues: Sequence[Tracker]
) -> Iterator[str]:
    marks: dict[int, dict[int, str]] = defaultdict(dict)
    for step, verdict in surprises:
        said = event_line(dialogues[step.dialogue].events[step.position])
        marks[step.dialogue][step.position] = f"{said}, {_why(verdict)}"
    return with_marks(marks, dialogues)


def _why(verdict: Verdict) -> str:
    asked, best = verdict["query_intent"], verdict["ranking"][0]
    return (
        f"unlikely here (similarity {asked['score']:.2f}, threshold {asked['threshold']:.2f}; "
        f"{best['name']} is the most similar)"
    )
