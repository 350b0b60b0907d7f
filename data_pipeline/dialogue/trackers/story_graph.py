"""In which order story steps are gone through, and how circles of checkpoints are cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from data_pipeline.dialogue.stories.story_steps import (
    GENERATED_PREFIX,
    STORY_START,
    Checkpoint,
    StoryStep,
)


@dataclass(frozen=True)
class StoryGraph:
    """Story steps without circles, each after those that lead to it.

    Attributes:
        steps: in the order to go through them.
        continued_at: where an end that once closed a circle is continued: end -> start checkpoint.
    """

    steps: tuple[StoryStep, ...]
    continued_at: dict[str, str]


def story_graph(steps: Sequence[StoryStep]) -> StoryGraph:
    """The steps of stories as a graph; the given steps may change.

    Mirrors `rasa.shared.core.training_data.structures.StoryGraph.with_cycles_removed`.
    """
    _, back_edges = ordered(steps)
    kept, continued_at = _without_cycles(steps, back_edges)
    return StoryGraph(tuple(ordered(kept)[0]), continued_at)


def ordered(
    steps: Iterable[StoryStep],
) -> tuple[list[StoryStep], list[tuple[StoryStep, StoryStep]]]:
    """The steps in topological order, and the edges that had to be ignored for one to exist.

    Mirrors `StoryGraph.topological_sort`: depth first, from the last key to the first.
    """
    by_key = sorted(steps, key=lambda step: step.key)
    starting: dict[str, list[StoryStep]] = defaultdict(list)
    for step in by_key:
        for name in {start.name for start in step.start_checkpoints}:
            starting[name].append(step)

    def followers(step: StoryStep) -> list[StoryStep]:
        names = dict.fromkeys(end.name for end in step.end_checkpoints)
        unique = {other.key: other for name in names for other in starting.get(name, ())}
        return [unique[key] for key in sorted(unique)]

    order: list[StoryStep] = []
    back_edges: set[tuple[StoryStep, StoryStep]] = set()
    open_steps: set[StoryStep] = set()
    visited: set[StoryStep] = set()
    for root in reversed(by_key):
        if root in visited:
            continue
        path = [(root, iter(followers(root)))]
        visited.add(root)
        open_steps.add(root)
        while path:
            step, remaining = path[-1]
            follower = next(remaining, None)
            if follower is None:
                path.pop()
                open_steps.remove(step)
                order.append(step)
            elif follower in open_steps:
                back_edges.add((step, follower))
            elif follower not in visited:
                visited.add(follower)
                open_steps.add(follower)
                path.append((follower, iter(followers(follower))))
    return order[::-1], sorted(back_edges, key=lambda edge: (edge[0].key, edge[1].key))


def _without_cycles(
    steps: Sequence[StoryStep], back_edges: Sequence[tuple[StoryStep, StoryStep]]
) -> tuple[list[StoryStep], dict[str, str]]:
    """Each back edge ends in a sink of its own, which is continued at a source of its own.

    Copies of a step share the list of its start checkpoints, so what is added to one of them is
    added to all; Rasa's result depends on it.
    """
    by_key = {step.key: step for step in steps}
    continued_at: dict[str, str] = {}
    cut: set[str] = set()
    for number, (from_step, to_step) in enumerate(back_edges):
        sink, connector, source = (
            f"{GENERATED_PREFIX}CYCL_{kind}_{number}" for kind in ("SINK", "CONN", "SRC")
        )
        continued_at[sink] = source
        start = by_key[from_step.key].copy()
        shared = {end.name for end in start.end_checkpoints}
        shared &= {begin.name for begin in by_key[to_step.key].start_checkpoints}
        cut |= shared
        start.end_checkpoints = [end for end in start.end_checkpoints if end.name not in shared]
        start.end_checkpoints.append(Checkpoint(sink))
        by_key[from_step.key] = start
        connected = False
        for key, step in list(by_key.items()):
            name = source if key == to_step.key else connector
            begins = [begin for begin in step.start_checkpoints if begin.name in shared]
            connected |= bool(begins) and name == connector
            added = [Checkpoint(name, begin.conditions) for begin in begins]
            added = [begin for begin in added if begin not in step.start_checkpoints]
            if added:
                by_key[key] = step.copy()
                by_key[key].start_checkpoints.extend(added)
        if connected:
            start.end_checkpoints.append(Checkpoint(connector))
    return _without_unused(list(by_key.values()), cut, continued_at), continued_at


def _without_unused(
    steps: list[StoryStep], cut: set[str], continued_at: dict[str, str]
) -> list[StoryStep]:
    """Without generated ends that nothing starts at, and cut circles' starts that nothing ends at.

    A step that had no other start or end goes, too.
    """
    starts = {start.name for step in steps for start in step.start_checkpoints} | {STORY_START}
    ends = {
        continued_at.get(end.name, end.name) for step in steps for end in step.end_checkpoints
    } | {STORY_START}
    unused = starts ^ ends
    kept = []
    for step in steps:
        updated = step.copy()
        updated.start_checkpoints = [
            start
            for start in step.start_checkpoints
            if start.name not in cut or start.name not in unused
        ]
        updated.end_checkpoints = [
            end
            for end in step.end_checkpoints
            if not end.name.startswith(GENERATED_PREFIX) or end.name not in unused
        ]
        lost_starts = step.start_checkpoints and not updated.start_checkpoints
        lost_ends = step.end_checkpoints and not updated.end_checkpoints
        if not lost_starts and not lost_ends:
            kept.append(updated)
    return kept
