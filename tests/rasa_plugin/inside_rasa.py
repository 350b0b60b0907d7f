"""Runs in Rasa's own environment (from Python 3.8): trains a project of exports, and asks it.

    python inside_rasa.py PROJECT QUESTIONS ANSWERS

PROJECT holds `config.yml`, `domain.yml` and `data/`; QUESTIONS, in JSON, `texts` and `dialogues`
(lists of Rasa's events). ANSWERS, in JSON, says what Rasa made of them.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from diet_ted_exports.told_slots import states_of
from rasa.core.agent import Agent
from rasa.model_training import train
from rasa.shared.core.trackers import DialogueStateTracker


def main(project, questions, answers):
    """Train, ask, write."""
    os.chdir(project)
    trained = train("domain.yml", "config.yml", ["data"], "models", fixed_model_name="model")
    agent = Agent.load(trained.model)
    asked = json.loads(Path(questions).read_text(encoding="utf-8"))
    domain = agent.processor.domain
    trackers = [
        DialogueStateTracker.from_dict(str(number), events, domain.slots)
        for number, events in enumerate(asked["dialogues"])
    ]
    said = {
        "messages": [asyncio.run(agent.parse_message(text)) for text in asked["texts"]],
        "same_states": all(has_rasas_states(tracker, domain) for tracker in trackers),
        "policies": [said_by_policies(agent, tracker) for tracker in trackers],
    }
    Path(answers).write_text(json.dumps(said, default=str), encoding="utf-8")


def said_by_policies(agent, tracker):
    """What each policy alone says: the confidences of actions by name, and metadata."""
    processor = agent.processor
    actions = processor.domain.action_names_or_texts
    names = [name for name in processor.model_metadata.predict_schema.nodes if "Policy" in name]
    found = processor.graph_runner.run(inputs={"__tracker__": tracker}, targets=names)
    return {
        name: {
            "confidences": {
                action: found[name].probabilities[number] for number, action in enumerate(actions)
            },
            "metadata": found[name].action_metadata,
        }
        for name in names
    }


def has_rasas_states(tracker, domain):
    """Whether states are Rasa's, but for what stands in the place of slots' features."""
    told = states_of(tracker, domain, None)
    rasas = tracker.past_states(domain, ignore_rule_only_turns=True)
    plain = [{**state, "slots": sorted(state.get("slots", {}))} for state in told]
    return plain == [{**state, "slots": sorted(state.get("slots", {}))} for state in rasas]


if __name__ == "__main__":
    main(*sys.argv[1:])
