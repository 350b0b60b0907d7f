"""Tiny transformers of every kind in Rasa's table, made in a second from fixed numbers.

    python scripts/golden/pretrained/tiny_transformers.py FOLDER

needs torch, transformers and sentencepiece, which Rasa's environment does not have to have: Rasa
reads what this leaves in FOLDER, a model in each of its folders.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

UNITS = 8
WORDS = "hello there fly to rome flight want the is it".split()
PIECES = ["##ing", "##s", "##y", "##e"]
SENTENCES = [" ".join(WORDS[i:] + WORDS[:i]) for i in range(len(WORDS))]
KINDS = ("bert", "gpt", "gpt2", "xlnet", "distilbert", "roberta", "camembert")


def make_tiny_transformer(kind: str, directory: Path) -> Path:
    """Write tokenizer, configuration and weights of one of `KINDS`."""
    import torch
    import transformers

    directory.mkdir(parents=True, exist_ok=True)
    size = _TOKENIZERS[kind](directory)
    model_class, options = _MODELS[kind]
    config_class = getattr(transformers, model_class.removesuffix("Model") + "Config")
    model = getattr(transformers, model_class)(config_class(vocab_size=size, **options))
    with torch.no_grad():
        for name, variable in model.named_parameters():
            random = np.random.default_rng(zlib.crc32(name.encode()))
            numbers = random.normal(scale=0.4, size=tuple(variable.shape)).astype(np.float32)
            variable.copy_(torch.from_numpy(numbers))
    model.save_pretrained(directory)
    return directory


def _word_pieces(directory: Path) -> int:
    """Where BERT's special tokens stand is written into Rasa: 101 and 102."""
    special = [
        "[PAD]",
        *(f"[unused{i}]" for i in range(1, 100)),
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
    ]
    letters = sorted(set("".join(WORDS)))
    entries = [*special, *WORDS, *PIECES, *letters, *(f"##{letter}" for letter in letters)]
    entries = list(dict.fromkeys(entries))
    (directory / "vocab.txt").write_text("\n".join(entries) + "\n", encoding="utf-8")
    return len(entries)


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    """Merges that build the words, letter by letter from the left."""
    merges = dict.fromkeys(
        (letters[0] if i == 1 else "".join(letters[:i]), letters[i])
        for word in words
        for letters in [_letters(word)]
        for i in range(1, len(letters))
    )
    return list(merges)


def _letters(word: str) -> list[str]:
    if word.endswith("</w>"):
        inner = list(word.removesuffix("</w>"))
        return [*inner[:-1], f"{inner[-1]}</w>"]
    return list(word)


def _write_bpe(directory: Path, entries: list[str], merges: list[tuple[str, str]]) -> int:
    numbered = {entry: number for number, entry in enumerate(dict.fromkeys(entries))}
    vocabulary = json.dumps(numbered, ensure_ascii=False)
    (directory / "vocab.json").write_text(vocabulary, encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (directory / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(numbered)


def _gpt(directory: Path) -> int:
    letters = sorted(set("".join(WORDS)))
    merges = _pairs([f"{word}</w>" for word in WORDS])
    entries = ["<unk>", *letters, *(f"{letter}</w>" for letter in letters)]
    return _write_bpe(directory, [*entries, *("".join(pair) for pair in merges)], merges)


def _bytes(directory: Path, first: list[str], last: list[str]) -> int:
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))]
    merges = _pairs([*WORDS, *(f"Ġ{word}" for word in WORDS)])
    merged = ["".join(pair) for pair in merges]
    return _write_bpe(directory, [*first, *letters, *merged, *last], merges)


def _gpt2(directory: Path) -> int:
    return _bytes(directory, [], ["<|endoftext|>"])


def _roberta(directory: Path) -> int:
    return _bytes(directory, ["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"])


def _sentence_pieces(path: Path, special: list[str]) -> int:
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_prefix=str(path.with_suffix("")),
        vocab_size=40,
        hard_vocab_limit=False,
        control_symbols=special,
        minloglevel=2,
    )
    path.with_suffix(".vocab").unlink()
    return sentencepiece.SentencePieceProcessor(model_file=str(path)).get_piece_size()


def _xlnet(directory: Path) -> int:
    return _sentence_pieces(directory / "spiece.model", ["<cls>", "<sep>", "<pad>", "<mask>"])


def _camembert(directory: Path) -> int:
    """Four entries come before those of the file, and one after."""
    return 5 + _sentence_pieces(directory / "sentencepiece.bpe.model", [])


_TOKENIZERS = {
    "bert": _word_pieces,
    "gpt": _gpt,
    "gpt2": _gpt2,
    "xlnet": _xlnet,
    "distilbert": _word_pieces,
    "roberta": _roberta,
    "camembert": _camembert,
}
_BERT = {
    "hidden_size": UNITS,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 514,
}
_GPT = {"n_embd": UNITS, "n_layer": 2, "n_head": 2, "n_positions": 512}
_MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertModel", _BERT),
    "gpt": ("OpenAIGPTModel", _GPT),
    "gpt2": ("GPT2Model", _GPT),
    "xlnet": ("XLNetModel", {"d_model": UNITS, "n_layer": 2, "n_head": 2, "d_inner": 16}),
    "distilbert": (
        "DistilBertModel",
        {"dim": UNITS, "n_layers": 2, "n_heads": 2, "hidden_dim": 16},
    ),
    "roberta": ("RobertaModel", {**_BERT, "pad_token_id": 1}),
    "camembert": ("CamembertModel", {**_BERT, "pad_token_id": 1}),
}

if __name__ == "__main__":
    for tiny in KINDS:
        make_tiny_transformer(tiny, Path(sys.argv[1]) / tiny)
