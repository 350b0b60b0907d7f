"""The tokens of Rasa's JiebaTokenizer, with and without dictionaries of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from golden.messages import Bench
from rasa.nlu.tokenizers.jieba_tokenizer import JiebaTokenizer
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

TEXTS = [
    "我想找地方吃饭",
    "订一张 去北京的机票, OK?",
    "李小福是创新办主任也是云计算方面的专家",
    "hello 世界 123",
    "  ",
]
DICTIONARIES = {"a.txt": "云计算 5\n李小福 2 nr\n", "b.txt": "\ufeff创新办 3 i\n找地方\n"}


def record(folder: Path) -> dict[str, Any]:
    """Texts, dictionaries, and the tokens without (first, since Jieba is global) and with them."""
    for name, content in DICTIONARIES.items():
        (folder / name).write_text(content, encoding="utf-8")
    return {
        "texts": TEXTS,
        "dictionaries": DICTIONARIES,
        "plain": _tokens(),
        "pattern": _tokens(token_pattern="[^ ,?]"),
        "with_dictionaries": _tokens(dictionary_path=str(folder)),
    }


def _tokens(**options: Any) -> list[list[list[Any]]]:
    tokenizer = Bench().make(JiebaTokenizer, **options)
    messages = tokenizer.process([Message({TEXT: text}) for text in TEXTS])
    found = [message.get("text_tokens") or [] for message in messages]
    return [[[token.text, token.start, token.end] for token in tokens] for tokens in found]
