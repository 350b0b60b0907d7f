"""From training messages to answers with Rasa's weights: our features, model and decoding together.

Unlike `test_golden_diet`, the features are ours, so that their columns have to be Rasa's, too.
"""

import json
from types import SimpleNamespace

import pytest
from goldens import Golden, assert_close

from data_pipeline.messages.prepare import FeatureSettings, prepare
from model.diet.diet import DIET
from model.diet.options import DIETOptions
from trainer.diet.making import diet_sizes
from trainer.diet.trained import TrainedDIET

NAMES = ["diet_default", "diet_snips", "diet_full", "diet_margin"]


@pytest.mark.parametrize("name", NAMES)
def test_answers_to_known_and_unknown_messages(name, tmp_path):
    golden = Golden(name)
    options = DIETOptions.from_rasa(golden.options["diet"])
    (tmp_path / "nlu.yml").write_text(golden.options["nlu"])
    pipeline = [{"name": "WhitespaceTokenizer"}, *golden.options["pipeline"]]
    settings = FeatureSettings(pipeline, bilou=options.BILOU_flag)
    fitted = prepare(
        [tmp_path / "nlu.yml"], settings, tmp_path / "prepared", show_progress=False
    ).pipeline
    model = DIET(diet_sizes(fitted), options)
    model.build()
    golden.give_weights(model)
    run = TrainedDIET(SimpleNamespace(diet=options, maps_synonyms=False), fitted, model, step=0)
    rasas = json.loads(str(golden["output"]["answers"]))
    for answer, rasa in zip(run.answer([r["text"] for r in rasas]), rasas, strict=True):
        names = [entry["name"] for entry in answer["intent_ranking"]]
        assert names == [entry["name"] for entry in rasa["intent_ranking"]]
        assert_close(
            [entry["confidence"] for entry in answer["intent_ranking"]],
            [entry["confidence"] for entry in rasa["intent_ranking"]],
            rasa["text"],
        )
        assert_same_entities(answer["entities"], rasa["entities"])


def assert_same_entities(ours, rasas):
    assert len(ours) == len(rasas)
    for entity, expected in zip(ours, rasas, strict=True):
        assert entity.keys() == expected.keys()
        for key, value in expected.items():
            if key.startswith("confidence"):
                assert_close(entity[key], value, f"{key} of {entity}")
            else:
                assert entity[key] == value
