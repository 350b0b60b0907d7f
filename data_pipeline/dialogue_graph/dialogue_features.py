"""From turns, as a server knows them, to the tensors of a batch of dialogues, in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from data_pipeline.dialogue.dialogue_batches import renamed
from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import ACTION_LISTEN
from data_pipeline.dialogue.state_features import TEXT_ATTRIBUTES
from data_pipeline.dialogue_graph.names import NameRows
from data_pipeline.dialogue_graph.slots import SlotFeatures
from data_pipeline.text_graph.strings.characters import Kinds
from data_pipeline.text_graph.strings.lines import any_in, true_places
from data_pipeline.text_graph.strings.rewriting import LowerCase
from data_pipeline.text_graph.strings.trie import UNKNOWN, StringNumbers
from data_pipeline.text_graph.text_features import TextFeatures

_PER_TURN = tf.TensorSpec([None, None], tf.string)
_PER_TURN_AND_NAME = tf.TensorSpec([None, None, None], tf.string)

REQUEST_SPEC = {
    "turn_counts": tf.TensorSpec([None], tf.int32),
    "previous_actions": _PER_TURN,
    "intents": _PER_TURN,
    "texts": _PER_TURN,
    "active_loops": _PER_TURN,
    "entities": _PER_TURN_AND_NAME,
    "slot_names": _PER_TURN_AND_NAME,
    "slot_values": _PER_TURN_AND_NAME,
}
"""`[dialogues]`, `[dialogues, turns]` and `[dialogues, turns, names]`, filled up with ""; see
`data_pipeline.dialogue_graph.turns.Turn`. The current turn is the last one that counts."""


class _Turns(NamedTuple):
    """The turns of all dialogues, one dialogue's after the other's.

    Attributes:
        lengths: `[dialogues]` int32, at least 1.
        given: what `REQUEST_SPEC` has per turn, `[turns]` or `[turns, names]`.
        by_intent, by_text: `[turns]` bool: whether the user spoke last, and by what that counts.
    """

    lengths: tf.Tensor
    given: Mapping[str, tf.Tensor]
    by_intent: tf.Tensor
    by_text: tf.Tensor


class DialogueFeatures(tf.Module):
    """What a fitted `DialogueFeaturizer` makes of states, as TensorFlow operations.

    Args:
        featurizer: the fitted one.
        max_history: how many turns count; None = all.

    Call: the tensors of `REQUEST_SPEC` -> those of `model.ted.batch` that say what is in the turns.
    With `by_text` a user's last step counts by its text, if it has one, whatever its intent.

    Raises:
        NotInGraph: what is said cannot be featurized in a graph.
    """

    def __init__(self, featurizer: DialogueFeaturizer, max_history: int | None) -> None:
        super().__init__()
        domain = featurizer.domain
        self._max_history = max_history
        self._attributes = featurizer.attributes
        names = {
            "intent": list(domain.intents),
            "action_name": list(
                domain.actions if featurizer.texts is None else domain.action_names
            ),
            "active_loop": list(domain.forms),
        }
        self._names = {
            attribute: NameRows(known, featurizer.rows(attribute, known))
            for attribute, known in names.items()
            if attribute in featurizer.attributes
        }
        self._action_names = StringNumbers({name: n for n, name in enumerate(domain.action_names)})
        self._entities = _Entities(domain)
        self._texts = {}
        if featurizer.texts is not None:
            self._texts = {
                attribute: TextFeatures(featurizer.texts.pipelines[attribute])
                for attribute in TEXT_ATTRIBUTES
                if attribute in featurizer.attributes
            }
        self._slots = SlotFeatures(domain, LowerCase(Kinds()))

    def __call__(self, request: Mapping[str, tf.Tensor], *, by_text: bool) -> dict[str, tf.Tensor]:
        turns = _turns(request, self._max_history, by_text)
        batch = {"dialogue_lengths": turns.lengths}
        action = turns.given["previous_actions"]
        named = tf.not_equal(action, "")
        said = tf.zeros_like(named)
        if "action_text" in self._attributes:
            said = named & tf.equal(self._action_names.of_strings(action), UNKNOWN)
        values = {
            "intent": (turns.given["intents"], turns.by_intent),
            "action_name": (action, named & ~said),
            "active_loop": (
                turns.given["active_loops"],
                tf.not_equal(turns.given["active_loops"], ""),
            ),
            "text": (turns.given["texts"], turns.by_text),
            "action_text": (action, said),
        }
        for attribute in self._attributes:
            if attribute in values:
                batch |= self._of_strings(attribute, *values[attribute])
        if "entities" in self._attributes:
            batch |= self._entities(
                turns.given["entities"], turns.given["intents"], turns.by_intent
            )
        if "slots" in self._attributes:
            batch |= self._of_slots(turns.given["slot_names"], turns.given["slot_values"])
        return batch

    def _of_strings(
        self, attribute: str, strings: tf.Tensor, present: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        places = true_places(present)
        strings = tf.gather(strings, places)
        if attribute in self._texts:
            made = renamed(attribute, self._texts[attribute](strings).batch)
        else:
            indices, values = self._names[attribute](strings)
            made = {f"{attribute}_indices": indices, f"{attribute}_values": values}
        return {f"{attribute}_turns": places, **made}

    def _of_slots(self, names: tf.Tensor, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        shape = tf.shape(names, tf.int64)
        columns, values = self._slots(tf.reshape(names, [-1]), tf.reshape(texts, [-1]))
        found = tf.where(tf.not_equal(values, 0))
        turns = found[:, 0] // shape[1]
        columns, values = tf.gather_nd(columns, found), tf.gather_nd(values, found)
        present = any_in(tf.ones_like(turns), turns, shape[0])
        row = tf.gather(tf.cumsum(tf.cast(present, tf.int64), exclusive=True), turns)
        indices = tf.stack([row, columns], 1)
        order = tf.argsort(row * (tf.reduce_max(tf.concat([columns, [0]], 0)) + 1) + columns)
        return {
            "slots_turns": true_places(present),
            "slots_indices": tf.gather(indices, order),
            "slots_values": tf.gather(values, order),
        }


class _Entities(tf.Module):
    """Which entities of a user step count beside its intent (`Domain.featurized_entities`)."""

    def __init__(self, domain: Domain) -> None:
        super().__init__()
        states = domain.entity_states
        self._columns = StringNumbers({name: column for column, name in enumerate(states)})
        self._width = len(states)
        self._intents = StringNumbers({name: n for n, name in enumerate(domain.intents)})
        # An unknown intent (the last row) lets all through; others unknown entities (column) not.
        uses = [[name in domain.used_entities[i] for name in states] for i in domain.intents]
        self._uses = tf.constant(
            [*([*row, False] for row in uses), [True] * (len(states) + 1)], tf.bool
        )

    def __call__(
        self, names: tf.Tensor, intents: tf.Tensor, by_intent: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        column = self._columns.of_strings(names)
        intent = self._intents.of_strings(intents)
        intent = tf.where(tf.not_equal(intent, UNKNOWN), intent, self._uses.shape[0] - 1)
        at = tf.where(tf.not_equal(column, UNKNOWN), column, self._width)
        intent = tf.broadcast_to(intent[:, None], tf.shape(at))
        counts = tf.gather_nd(self._uses, tf.stack([intent, at], -1))
        counts &= tf.not_equal(names, "") & by_intent[:, None]
        present = tf.reduce_any(counts, 1)
        row = tf.cumsum(tf.cast(present, tf.int64), exclusive=True)
        places = tf.where(counts & tf.not_equal(column, UNKNOWN))
        keys = tf.gather(row, places[:, 0]) * self._width + tf.gather_nd(column, places)
        keys, _ = tf.unique(tf.sort(keys))
        width = max(self._width, 1)
        indices = tf.stack([keys // width, keys % width], 1)
        return {
            "entities_turns": true_places(present),
            "entities_indices": indices,
            "entities_values": tf.ones_like(keys, tf.float32),
        }


def _turns(request: Mapping[str, tf.Tensor], max_history: int | None, by_text: bool) -> _Turns:
    """The turns that count; a dialogue without turns has an empty one."""
    # One turn more, which is empty, for such a dialogue, and one name: tf.gather_nd wants some.
    wide = {
        name: tf.pad(table, [[0, 0], [0, 1], [0, 1]][: len(table.shape)], constant_values="")
        for name, table in request.items()
        if name != "turn_counts"
    }
    ends = tf.maximum(request["turn_counts"], 1)
    lengths = ends if max_history is None else tf.minimum(ends, max_history)
    columns = tf.range(tf.shape(wide["intents"])[1])
    places = tf.where((columns >= (ends - lengths)[:, None]) & (columns < ends[:, None]))
    given = {name: tf.gather_nd(table, places) for name, table in wide.items()}
    follows_user = tf.equal(given["previous_actions"], ACTION_LISTEN)
    has_intent, has_text = (tf.not_equal(given[name], "") for name in ("intents", "texts"))
    prefers_text = ~has_intent
    if by_text:
        last = tf.equal(places[:, 1], tf.cast(tf.gather(ends, places[:, 0]), tf.int64) - 1)
        prefers_text |= last & has_text
    return _Turns(
        lengths,
        given,
        by_intent=follows_user & ~prefers_text,
        by_text=follows_user & prefers_text & has_text,
    )
