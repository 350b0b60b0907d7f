"""From training messages and responses to answers, with Rasa's weights: features, model, ranking.

Unlike `test_golden_response_selector`, the features are ours, so their columns have to be Rasa's.
"""

import json
from types import SimpleNamespace

import pytest
from golden_texts import LABEL_PATHS
from goldens import DIRECTORY, Golden, assert_close

from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.responses.prepared_responses import (
    ResponseSettings,
    ResponseSources,
    prepare_responses,
)
from model.response_selector.options import ResponseSelectorOptions
from model.response_selector.response_selector import ResponseSelector
from trainer.response_selector.making import response_selector_sizes
from trainer.response_selector.trained import TrainedResponseSelector

# Rasa's shared vocabulary has the words of intents' names, too; ours those of messages and
# responses alone, so that there are fewer columns.
NAMES = sorted(file.stem for file in DIRECTORY.glob("response_selector_*.npz"))
OWN_FEATURES = [name for name in NAMES if name != "response_selector_shared"]


def our_component(component, folder):
    """The component itself, or ours that reads made-up vectors from a file."""
    if component["name"] != "MadeUpVectors":
        return component
    lines = [" ".join([w, *map(str, vector)]) for w, vector in component["vectors"].items()]
    (folder / "vectors.txt").write_text("\n".join(lines))
    path = str(folder / "vectors.txt")
    return {"name": "WordVectorsFeaturizer", "path": path, "lowercase": False}


@pytest.mark.shows(
    "response_selector.retrieval_intent",
    "response_selector.use_text_as_label",
    "response_selector.ranking_length",
    "response_selector.renormalize_confidences",
)
@pytest.mark.parametrize("name", OWN_FEATURES)
def test_answers_to_known_and_unknown_messages(name, tmp_path):
    golden = Golden(name, LABEL_PATHS)
    options = ResponseSelectorOptions.from_rasa(golden.options["response_selector"])
    (tmp_path / "nlu.yml").write_text(golden.options["nlu"])
    components = [our_component(c, tmp_path) for c in golden.options["pipeline"]]
    features = FeatureSettings([{"name": "WhitespaceTokenizer"}, *components], entities=False)
    settings = ResponseSettings(features, options.retrieval_intent, options.use_text_as_label)
    fitted = prepare_responses(
        ResponseSources((tmp_path / "nlu.yml",)),
        settings,
        tmp_path / "prepared",
        show_progress=False,
    ).fitted
    assert list(fitted.labels) == golden.options["labels"]
    model = ResponseSelector(response_selector_sizes(fitted), options)
    model.build()
    golden.give_weights(model)
    run = TrainedResponseSelector(SimpleNamespace(response_selector=options), fitted, model, step=0)
    rasas = json.loads(str(golden["output"]["answers"][()]))
    for answer, rasa in zip(run.answer([r["text"] for r in rasas]), rasas, strict=True):
        assert_same_answer(answer["response_selector"], rasa["response_selector"], rasa["text"])


def assert_same_answer(ours, rasas, text):
    assert ours.keys() == rasas.keys()
    assert ours["all_retrieval_intents"] == sorted(rasas["all_retrieval_intents"])
    (selector,) = ours.keys() - {"all_retrieval_intents"}
    chosen, expected = ours[selector], rasas[selector]
    assert chosen["response"].pop("confidence") == pytest.approx(
        expected["response"].pop("confidence"), rel=1e-4
    )
    assert chosen["response"] == expected["response"]
    ranked = [
        [entry.pop("confidence") for entry in answer["ranking"]] for answer in (chosen, expected)
    ]
    assert_close(*ranked, text)
    assert chosen["ranking"] == expected["ranking"]
