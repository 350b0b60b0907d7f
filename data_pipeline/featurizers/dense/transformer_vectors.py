"""Runs a transformer on texts whose tokens are known: a vector per token, and one per text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipeline.featurizers.dense.language_models import LanguageModel
from data_pipeline.featurizers.dense.transformer_files import TransformerFiles
from data_pipeline.featurizers.dense_features import TextVectors

TEXTS_AT_ONCE = 64

Words = tuple[str, ...]
"""The tokens of a text, as strings."""


class TransformerVectors:
    """A loaded transformer and its tokenizer.

    Mirrors what `rasa.nlu.featurizers.dense_featurizer.lm_featurizer` does with them: every token
    is cut into sub-words on its own, and its vector is the mean of theirs.

    Attributes:
        units: length of the vectors.
    """

    def __init__(self, kind: LanguageModel, files: TransformerFiles) -> None:
        """Loads them (`InputError`)."""
        import transformers

        self._kind = kind
        self._tokenizer = files.loaded(getattr(transformers, kind.tokenizer_class).from_pretrained)
        self._model = files.model(getattr(transformers, kind.model_class)).eval()
        self._model.to(_device(self._model))
        self.units: int = self._model.config.hidden_size
        self._before = [getattr(self._tokenizer, name) for name in kind.before]
        self._after = [getattr(self._tokenizer, name) for name in kind.after]
        self._sub_words: dict[str, list[int]] = {}

    def of(self, texts: Sequence[Words]) -> list[TextVectors]:
        """The vectors of each text; of one without sub-words they are zeros.

        What is beyond the most sub-words that the model takes has zeros, too.
        """
        ids = [[self._ids_of(word) for word in words] for words in texts]
        counts = [sum(map(len, of_words)) for of_words in ids]
        made: dict[int, TextVectors] = {}
        order = np.argsort(counts, kind="stable")  # texts of about one length are padded little
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            some = order[start : start + TEXTS_AT_ONCE]
            states = self._states([[i for word in ids[row] for i in word] for row in some])
            for row, of_text in zip(some, states, strict=True):
                made[row] = self._pooled(of_text, [len(word) for word in ids[row]])
        return [made[row] for row in range(len(texts))]

    def too_long(self, words: Words) -> bool:
        """Whether the model cannot take the whole of the text."""
        special = len(self._before) + len(self._after)
        sub_words = sum(len(self._ids_of(word)) for word in words) + special
        return self._most is not None and sub_words > self._most

    @property
    def _most(self) -> int | None:
        """The most sub-words, special tokens included: Rasa's bound, or the model's own."""
        if self._kind.most_sub_words is None:
            return None
        places = getattr(self._model.config, "max_position_embeddings", self._kind.most_sub_words)
        if self._kind.model_class in ("RobertaModel", "CamembertModel"):
            places -= self._model.config.pad_token_id + 1  # its places begin behind the padding's
        return min(self._kind.most_sub_words, places)

    def _ids_of(self, word: str) -> list[int]:
        """The sub-words of a token; those that are nothing but a marker do not count."""
        known = self._sub_words.get(word)
        if known is None:
            ids = self._tokenizer.encode(word, add_special_tokens=False)
            pieces = self._tokenizer.convert_ids_to_tokens(ids)
            marker = self._kind.marker
            known = [i for i, piece in zip(ids, pieces, strict=True) if piece.replace(marker, "")]
            self._sub_words[word] = known
        return known

    def _states(self, texts: Sequence[list[int]]) -> list[np.ndarray]:
        """`[sub-words, units]` of each text, special tokens included; cut where it is too long."""
        import torch

        whole = [[*self._before, *text, *self._after][: self._most] for text in texts]
        longest = max(1, *map(len, whole)) if whole else 1
        padded = torch.zeros((len(whole), longest), dtype=torch.long)
        mask = torch.zeros((len(whole), longest), dtype=torch.long)
        for row, text in enumerate(whole):
            padded[row, : len(text)] = torch.tensor(text, dtype=torch.long)
            mask[row, : len(text)] = 1
        device = self._model.device
        with torch.inference_mode():
            states = self._model(padded.to(device), attention_mask=mask.to(device))[0]
        made = states.float().cpu().numpy()
        return [made[row, : len(text)] for row, text in enumerate(whole)]

    def _pooled(self, states: np.ndarray, sub_words: Sequence[int]) -> TextVectors:
        """From the vectors of sub-words to those of tokens."""
        if not sum(sub_words):
            return TextVectors(
                np.zeros((len(sub_words), self.units), np.float32),
                np.zeros(self.units, np.float32),
            )
        # Of a text that was cut, Rasa takes the last sub-word for a special token, too.
        inner = states[len(self._before) : len(states) - len(self._after)]
        sentence = states[0] if self._kind.sentence == "first" else inner.mean(axis=0)
        padded = np.zeros((sum(sub_words), self.units), np.float32)
        padded[: len(inner)] = inner
        tokens = np.zeros((len(sub_words), self.units), np.float32)
        ends = np.cumsum(sub_words)
        for row, (count, end) in enumerate(zip(sub_words, ends, strict=True)):
            if count:
                tokens[row] = padded[end - count : end].mean(axis=0)
        return TextVectors(tokens, sentence)


def _device(model: Any) -> str:
    """A GPU if there is one with room for the model: training may have taken the memory."""
    import torch

    if not torch.cuda.is_available():
        return "cpu"
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    free, _ = torch.cuda.mem_get_info()
    return "cuda" if free > 2 * size + 2**30 else "cpu"
