"""The tokens of a dialogue's texts in the context of the dialogue, for the entity head."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from model.encoders.text_encoder import EncodedText
from model.layers.feature_combining import Places
from model.layers.packing import Packing


class TaggedTexts(NamedTuple):
    """The texts whose tokens get tags.

    Attributes:
        rows: `[packed, text units + dialogue units]`, the tokens beside the vector of their turn.
        places: Where they lie among the rows.
        turns: `[texts]` int64, their turns.
        time: int32 scalar, how many cells the tags of a text have.
    """

    rows: tf.Tensor
    places: Places
    turns: tf.Tensor
    time: tf.Tensor


def last_turns(turns: tf.Tensor, packing: Packing) -> tf.Tensor:
    """`[rows]` bool: which of `turns` (`[rows]` int64) are the last ones of their examples."""
    last = tf.gather(packing.starts + packing.lengths - 1, tf.gather(packing.cells[:, 0], turns))
    return tf.cast(last, turns.dtype) == turns


def texts_of_turns(
    text: EncodedText,
    token_mask: tf.Tensor,
    turns: tf.Tensor,
    contexts: tf.Tensor,
    packing: Packing,
    *,
    has_sentence: bool,
    full_dialogue: bool,
) -> TaggedTexts:
    """All texts of full dialogues, or those of last turns: Rasa's `TED._reshape_for_entities`.

    Args:
        text: The encoded texts, in the order of `turns`; there may be more.
        token_mask: `[texts, time]` float32.
        turns: `[texts]` int64, the turn of each text.
        contexts: `[turns, units]` of full dialogues, else `[batch, units]`.
        packing: Of the turns.
    """
    context_of = turns
    which = tf.range(tf.size(turns))
    if not full_dialogue:
        which = tf.where(last_turns(turns, packing))[:, 0]
        turns = tf.gather(turns, which)
        context_of = tf.gather(packing.cells[:, 0], turns)
    places = Places.of_mask(tf.gather(token_mask, which), has_sentence)
    text_of, position = tf.unstack(tf.cast(places.packing.cells, tf.int32), axis=1)
    source = tf.gather(text.places.packing.starts, tf.gather(which, text_of)) + position
    context = tf.gather(contexts, tf.gather(context_of, text_of))
    rows = tf.concat([tf.gather(text.rows, source), context], -1)
    return TaggedTexts(rows, places, turns, tf.shape(token_mask)[1])
