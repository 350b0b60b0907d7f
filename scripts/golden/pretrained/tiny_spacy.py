"""A spaCy pipeline made in a second, for Rasa and for the tests alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np

WORDS = "hello there fly to rome flight i want are the be flights".split()
WIDTH = 4
RULES = {  # word -> part of speech, lemma
    "are": ("VBP", "be"),
    "is": ("VBZ", "be"),
    "flights": ("NNS", "flight"),
    "flight": ("NN", "flight"),
    "rome": ("NNP", "rome"),
    "want": ("VB", "want"),
    "fly": ("VB", "fly"),
}


def word_vectors() -> dict[str, np.ndarray]:
    """Of `WORDS`; that of "the" is there, but all zeros."""
    numbers = np.random.default_rng(7).normal(size=(len(WORDS), WIDTH)).astype(np.float32)
    return {w: 0 * v if w == "the" else v for w, v in zip(WORDS, numbers)}  # noqa: B905


def make_tiny_spacy(directory: Path, *, vectors: bool = True) -> Path:
    """English rules for tokens, a few parts of speech and lemmas, and vectors of four numbers."""
    import spacy

    language = spacy.blank("en")
    ruler = language.add_pipe("attribute_ruler")
    for word, (tag, lemma) in RULES.items():
        ruler.add([[{"LOWER": word}]], {"TAG": tag, "LEMMA": lemma})
    if vectors:
        for word, vector in word_vectors().items():
            language.vocab.set_vector(word, vector)
    language.meta["name"] = "tiny"
    language.to_disk(directory)
    return directory
