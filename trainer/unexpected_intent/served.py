"""What an exported model of unexpected intents offers: whether the user was to be expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from data_pipeline.dialogue.domain.events import LISTEN, Event
from data_pipeline.dialogue_graph.turns import Turn, request_of, turns_of_events
from trainer.dialogues.served_dialogues import AskedDialogues, served_dialogues
from trainer.signatures.elsewhere import Question, Tensors
from trainer.signatures.served_model import ServedModel
from trainer.signatures.verify import Check
from trainer.unexpected_intent.intent_signature import JudgeIntents
from trainer.unexpected_intent.trained import TrainedUnexpectedIntent

UNEXPECTED = "unexpected_intent"


def served_unexpected_intent(run: TrainedUnexpectedIntent) -> ServedModel:
    """Its signatures: `features`, and `unexpected_intent` (also by default); see
    `served_dialogues`.
    """
    return served_dialogues(
        AskedDialogues(
            run.model,
            run.featurizer,
            run.config.options.max_history,
            UNEXPECTED,
            lambda features: JudgeIntents(run, features),
            [Turn(), Turn(LISTEN.label, intent=run.intents[0])],
            lambda dialogues: _check(run, dialogues),
        )
    )


def _check(run: TrainedUnexpectedIntent, dialogues: Sequence[list[Event]]) -> Check:
    """Those dialogues in which the user spoke last, and what the checkpoint says of them."""
    remarks = zip(dialogues, run.remarks(dialogues), strict=True)
    asked = [events for events, remark in remarks if remark is not None]
    domain = run.featurizer.domain
    request = request_of([turns_of_events(events, domain) for events in asked])

    def differences(outputs: Tensors) -> Iterator[tuple[str, float]]:
        remarks = [remark for remark in run.remarks(asked) if remark is not None]
        return _differences(remarks, outputs)

    return Check(
        "dialogues made up from the domain",
        len(asked),
        Question(UNEXPECTED, request),
        differences,
    )


def _differences(
    remarks: Sequence[dict[str, Any]], outputs: Tensors
) -> Iterator[tuple[str, float]]:
    for number, remark in enumerate(remarks):
        of_this = {name: table[number] for name, table in outputs.items()}
        asked, ranking = remark["query_intent"], remark["ranking"]
        pairs = [(asked["score"], of_this["scores"])]
        pairs += zip((i["score"] for i in ranking), of_this["intent_scores"], strict=True)
        gaps = [abs(score - float(found)) / max(1.0, abs(score)) for score, found in pairs]
        if bool(of_this["unlikely"]) != remark["unlikely"]:
            gaps.append(abs(remark["query_intent"]["severity"]))  # 0 where it hardly matters
        yield f"dialogue {number}", max(gaps)
