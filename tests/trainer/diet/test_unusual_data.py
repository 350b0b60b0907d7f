"""Data sets of other shapes than the usual ones train, answer and evaluate without special care.

Few trainings, each of many oddities at once; what is asserted can only hold if they came through.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from trainer.diet.evaluate import evaluate
from trainer.diet.trained import TrainedDIET

PIPELINE = """\
pipeline:
  - name: WhitespaceTokenizer
  - name: LexicalSyntacticFeaturizer
  - name: CountVectorsFeaturizer
  - name: CountVectorsFeaturizer
    analyzer: char_wb
    min_ngram: 1
    max_ngram: 3
  - name: DIETClassifier
    batch_size: 32
    transformer_size: 16
    number_of_transformer_layers: 1
    number_of_attention_heads: 2
    dense_dimension: {text: 16, label: 8}
    concat_dimension: {text: 16, label: 8}
    embedding_dimension: 8
    connection_density: 1.0
    learning_rate: 2e-2
    random_seed: 1
"""


def nlu_yaml(sections: dict[str, list[str]]) -> str:
    lines = ["nlu:"]
    for intent, texts in sections.items():
        lines += [f"- intent: {json.dumps(intent, ensure_ascii=False)}", "  examples: |"]
        lines += [f"    - {text}" for text in texts]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Learnt:
    """What came of a training, loaded once for all questions."""

    run: TrainedDIET
    data: Path

    def answers(self, *texts: str) -> list[dict]:
        found = list(self.run.answer(texts))
        assert [answer["text"] for answer in found] == list(texts)
        return found

    def figures(self) -> dict:
        """How good it is on what it was trained on."""
        return evaluate(self.run, [self.data]).figures


@pytest.fixture
def learn(command, make_project, tmp_path):
    """`learn(sections, *arguments)` trains on the texts of each intent."""

    def train(sections: dict[str, list[str]], *arguments: str) -> Learnt:
        project = make_project(tmp_path / "project", config=PIPELINE, nlu=nlu_yaml(sections))
        result = command("--project", project, "--run-dir", tmp_path / "run", *arguments)
        assert result.code == 0, result.err
        return Learnt(TrainedDIET.load(tmp_path / "run"), project / "data")

    return train


def intents(answers: list[dict]) -> list[str]:
    return [answer["intent"]["name"] for answer in answers]


def spans(answer: dict) -> list[tuple[str, str, str | None]]:
    """Entity, the part of the text it lies at, and role."""
    text = answer["text"]
    return [(e["entity"], text[e["start"] : e["end"]], e.get("role")) for e in answer["entities"]]


LONG = " ".join(f"word{number % 70}" for number in range(499))


@pytest.mark.slow
def test_300_intents_some_with_one_example_and_messages_of_1_and_500_tokens(learn):
    sections = {f"topic/{n}" if n % 50 == 0 else f"topic_{n}": [f"subject{n}"] for n in range(300)}
    sections["topic_7"] += ["seventh", "seventh", f"{LONG} end"]  # a duplicate, 500 tokens
    sections["topic_8"] += ["!!!", "…", "?"]  # no words at all
    learnt = learn(sections, "--epochs", "2", "--set", "ranking_length=0")
    answers = learnt.answers("subject3", f"{LONG} end", "!!!", "¿¿", "unseen words only")
    for answer in answers:
        # Retrieval intents ("topic/50") are learnt as "topic".
        assert len(answer["intent_ranking"]) == 295
        assert sum(i["confidence"] for i in answer["intent_ranking"]) == pytest.approx(1, abs=1e-4)
        assert answer["entities"] == []
    assert len(answers[1]["text_tokens"]) == 500
    assert learnt.figures()["messages"] == 300 + 5


SCRIPTS = {
    "greet": ["你好", "你好吗", "नमस्ते दोस्त", "مرحبا يا صديقي", "สวัสดี ครับ", "👋", "hello there"],
    "order": [
        "我想订一份披萨",
        "我要点餐",
        "मुझे [दो](number) [पिज़्ज़ा](menu.dish) चाहिए",
        "मुझे [दो](number) [सलाद](menu.dish) चाहिए",
        "मुझे [पिज़्ज़ा](menu.dish) दो ना",
        "أريد [بيتزا](menu.dish) كبيرة",
        "أريد [سلطة](menu.dish) من فضلك",
        "ขอ [พิซซ่า](menu.dish) หน่อย",
        "ขอ [สลัด](menu.dish) ด้วย",
        "one [pizza](menu.dish) 🍕 please",
    ],
    "travel": [
        "从北京到上海",
        'from [Rome]{"entity": "geo.city", "role": "trip.from"} 👩‍👩‍👧‍👦 to '
        '[Oslo]{"entity": "geo.city", "role": "trip.to"}',
        'from [Oslo]{"entity": "geo.city", "role": "trip.from"} 🇳🇴 to '
        '[Rome]{"entity": "geo.city", "role": "trip.to"}',
        'من [روما]{"entity": "geo.city", "role": "trip.from"} إلى '
        '[أوسلو]{"entity": "geo.city", "role": "trip.to"}',
        '[Ö-vik]{"entity": "geo.city", "role": "trip.from"} to '
        '[Rome]{"entity": "geo.city", "role": "trip.to"}',
    ],
    "bye": ["再见", "अलविदा मित्र", "مع السلامة", "ลาก่อน นะ", "👋🏽 bye", "goodbye now"],
}


@pytest.mark.slow
def test_scripts_emoji_and_dotted_names_are_learnt_with_the_right_places(learn):
    learnt = learn(SCRIPTS, "--epochs", "20", "--set", "batch_size=4")
    figures = learnt.figures()
    # Five seeds, with and without oneDNN: all 1.0; the entities below have 0.68 or more.
    assert figures["intent"]["accuracy"] >= 0.9
    assert figures["entity"]["span_micro_f1"] >= 0.9
    answers = learnt.answers(
        "你好",
        "मुझे दो पिज़्ज़ा चाहिए",
        "أريد سلطة من فضلك",
        "ขอ สลัด ด้วย",
        "from Rome 👩‍👩‍👧‍👦 to Oslo",
    )
    assert intents(answers) == ["greet", "order", "order", "order", "travel"]
    assert ("menu.dish", "पिज़्ज़ा", None) in spans(answers[1])
    assert spans(answers[2]) == [("menu.dish", "سلطة", None)]
    assert spans(answers[3]) == [("menu.dish", "สลัด", None)]
    assert spans(answers[4]) == [
        ("geo.city", "Rome", "trip.from"),
        ("geo.city", "Oslo", "trip.to"),
    ]
    # One token, since a word of Chinese characters alone counts as an emoji (Rasa's rule).
    assert answers[0]["text_tokens"] == [[0, 2]]


@pytest.mark.slow
def test_one_intent_without_entities_trains(learn):
    learnt = learn({"only": ["hello", "hi you", "good day"]}, "--epochs", "2")
    (answer,) = learnt.answers("hello you")
    assert answer["intent"] == {"name": "only", "confidence": 1.0}
    assert answer["entities"] == []


def test_one_intent_with_entities_learns_the_entities(learn):
    names = ("Anna", "Bob", "Carla", "Dan")
    texts = [f"{opening} [{name}](name)" for opening in ("hello", "hi") for name in names]
    learnt = learn({"only": [*texts, "hello", "hi"]}, "--epochs", "10", "--set", "batch_size=4")
    # Five seeds, with and without oneDNN: all 1.0; Carla has 0.998 or more.
    assert learnt.figures()["entity"]["span_micro_f1"] >= 0.9
    assert spans(learnt.answers("hi Carla")[0]) == [("name", "Carla", None)]


@pytest.mark.shows("diet.intent_classification", "diet.entity_recognition")
@pytest.mark.parametrize("task", ["intent_classification", "entity_recognition"])
def test_without_one_of_the_tasks_the_answer_has_none_of_it(learn, task):
    sections = {"order": ["a [pizza](dish)", "one [salad](dish)"], "bye": ["bye", "see you"]}
    learnt = learn(sections, "--epochs", "2", "--set", f"{task}=false")
    (answer,) = learnt.answers("a pizza")
    if task == "intent_classification":
        assert answer["intent"]["name"] is None and answer["intent_ranking"] == []
    else:
        assert answer["intent"]["name"] in sections and answer["entities"] == []
    assert learnt.figures()["messages"] == 4
