"""The language models of Rasa's table: classes, default weights, and how their parts are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LanguageModel:
    """One row of the table.

    Attributes:
        model_class, tokenizer_class: names in the package `transformers`.
        default_weights: what Rasa takes where `model_weights` is not given.
        marker: what the tokenizer adds to sub-words; what is nothing but a marker is left out.
        before, after: the special tokens around a text, by the tokenizer's attribute.
        sentence: a text's vector is that of the first special token, or the mean of its sub-words.
        most_sub_words: special tokens included; None = as many as there are.
    """

    model_class: str
    tokenizer_class: str
    default_weights: str
    marker: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    sentence: Literal["first", "mean"] = "mean"
    most_sub_words: int | None = 512


CLS, SEP = "cls_token_id", "sep_token_id"

# Mirrors `rasa.nlu.utils.hugging_face.registry` and `transformers_pre_post_processors`.
LANGUAGE_MODELS = {
    "bert": LanguageModel(
        "BertModel", "BertTokenizer", "rasa/LaBSE", "##", (CLS,), (SEP,), sentence="first"
    ),
    "gpt": LanguageModel("OpenAIGPTModel", "OpenAIGPTTokenizer", "openai-gpt", "</w>"),
    "gpt2": LanguageModel("GPT2Model", "GPT2Tokenizer", "gpt2", "Ġ"),
    "xlnet": LanguageModel(
        "XLNetModel", "XLNetTokenizer", "xlnet-base-cased", "▁", (), (SEP, CLS), most_sub_words=None
    ),
    "distilbert": LanguageModel(
        "DistilBertModel",
        "DistilBertTokenizer",
        "distilbert-base-uncased",
        "##",
        (CLS,),
        (SEP,),
        sentence="first",
    ),
    "roberta": LanguageModel(
        "RobertaModel", "RobertaTokenizer", "roberta-base", "Ġ", (CLS,), (SEP,)
    ),
    "camembert": LanguageModel(
        "CamembertModel", "CamembertTokenizer", "camembert-base", "▁", (CLS,), (SEP,)
    ),
}
