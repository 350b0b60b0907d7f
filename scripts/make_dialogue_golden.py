"""Which states and labels does Rasa 3.6.21 make of stories? Writes them down.

For `tests/data_pipeline/dialogue`. Runs in Rasa's own environment (see `make_golden.py`) and leaves
`tests/golden/dialogues.json`, and what texts and names of end-to-end stories look like in
`tests/golden/end_to_end_features.json`:

    rasa-venv/bin/python scripts/make_dialogue_golden.py

A case holds what Rasa was given, and of what came out: the columns, every distinct state with its
one-hot features, the trackers as lists of states, and the training examples: of actions, and of
intents that follow. These are made from trackers that do not cache their states, because those are
what Rasa predicts from: its cached states do not belong to the labels any more where a form
repeats.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
warnings.filterwarnings("ignore")

from golden import end_to_end_features  # noqa: E402
from golden.dialogue_cases import CASES  # noqa: E402
from rasa.core.featurizers.single_state_featurizer import SingleStateFeaturizer  # noqa: E402
from rasa.core.featurizers.tracker_featurizers import (  # noqa: E402
    IntentMaxHistoryTrackerFeaturizer,
    MaxHistoryTrackerFeaturizer,
)
from rasa.core.policies.unexpected_intent_policy import UnexpecTEDIntentPolicy  # noqa: E402
from rasa.shared.core.domain import Domain  # noqa: E402
from rasa.shared.core.events import ActionExecuted  # noqa: E402
from rasa.shared.core.generator import TrainingDataGenerator  # noqa: E402
from rasa.shared.core.trackers import DialogueStateTracker  # noqa: E402
from rasa.shared.core.training_data import structures  # noqa: E402
from rasa.shared.core.training_data.loading import load_data_from_files  # noqa: E402

DIRECTORY = Path(__file__).resolve().parent.parent / "tests" / "golden"


class StateNumbers:
    """Distinct states, numbered as they come."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []
        self._numbers: dict[str, int] = {}

    def of(self, states: list[dict[str, Any]]) -> list[int]:
        return [self._number(state) for state in states]

    def _number(self, state: dict[str, Any]) -> int:
        key = json.dumps(state, sort_keys=True)
        if key not in self._numbers:
            self._numbers[key] = len(self.states)
            self.states.append(json.loads(key))
        return self._numbers[key]


def read(case: dict[str, Any]) -> tuple[Domain, list[structures.StoryStep]]:
    domain = Domain.from_yaml(case["domain"])
    structures.STEP_COUNT = 1
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name in ("rules", "stories"):
            if name in case:
                files.append(str(Path(folder) / f"{name}.yml"))
                Path(files[-1]).write_text(case[name], encoding="utf-8")
        steps = load_data_from_files(files, domain)
    events = [event for step in steps for event in step.events]
    texts = {e.action_text for e in events if isinstance(e, ActionExecuted) and e.action_text}
    if texts:
        domain = domain.merge(Domain.from_dict({"e2e_actions": list(texts)}))
    return domain, steps


def featurizer_of(domain: Domain) -> SingleStateFeaturizer:
    featurizer = SingleStateFeaturizer()
    featurizer.prepare_for_training(domain)
    return featurizer


def one_hot(featurizer: SingleStateFeaturizer, state: dict[str, Any]) -> dict[str, list]:
    """Attribute -> (column, value) pairs; texts need a pipeline and have none."""
    encoded = featurizer.encode_state(state, precomputations=None)
    made = {}
    for attribute, features in encoded.items():
        row = features[0].features.toarray()[0]
        made[attribute] = [[int(column), float(row[column])] for column in row.nonzero()[0]]
    return made


def record(case: dict[str, Any]) -> dict[str, Any]:
    domain, steps = read(case)
    factor, history = case.get("augmentation_factor", 0), case.get("max_history")
    generator = TrainingDataGenerator(
        structures.StoryGraph(steps), domain, augmentation_factor=factor
    )
    trackers = generator.generate_story_trackers()
    plain = [
        DialogueStateTracker.from_events(tracker.sender_id, list(tracker.events), domain.slots)
        for tracker in trackers
    ]
    featurizer = MaxHistoryTrackerFeaturizer(None, history)
    states, labels, entities = featurizer.training_states_labels_and_entities(
        plain, domain, ignore_action_unlikely_intent=True
    )
    numbers = StateNumbers()
    encoder = featurizer_of(domain)
    told = [
        {
            "name": tracker.sender_id,
            "augmented": tracker.is_augmented,
            "states": numbers.of(tracker.past_states(domain)),
        }
        for tracker in trackers
    ]
    examples = [
        {"states": numbers.of(window), "label": label[0], "entities": entity[0]}
        for window, label, entity in zip(states, labels, entities)  # noqa: B905
    ]
    of_intents = IntentMaxHistoryTrackerFeaturizer(None, history)
    windows, intents, _ = of_intents.training_states_labels_and_entities(
        UnexpecTEDIntentPolicy._get_trackers_for_training(plain),
        domain,
        ignore_action_unlikely_intent=True,
    )
    return {
        "intents": domain.intents,
        "actions": domain.action_names_or_texts,
        "entity_states": domain.entity_states,
        "slot_states": domain.slot_states,
        "forms": domain.form_names,
        "states": numbers.states,
        "features": [one_hot(encoder, state) for state in numbers.states],
        "trackers": told,
        "examples": examples,
        "intent_examples": [
            {"states": numbers.of(window), "intents": sorted(following)}
            for window, following in zip(windows, intents)  # noqa: B905
        ],
    }


def save(name: str, content: dict[str, Any]) -> None:
    path = DIRECTORY / name
    path.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")), encoding="utf-8")
    print(f"{name}: {path.stat().st_size / 1000:.0f} kB", file=sys.stdout)


def main() -> None:
    save("end_to_end_features.json", end_to_end_features.record())
    goldens = {name: {"given": case, "rasa": record(case)} for name, case in CASES.items()}
    save("dialogues.json", goldens)


if __name__ == "__main__":
    main()
