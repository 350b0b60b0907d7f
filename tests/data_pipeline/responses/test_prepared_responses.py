"""Prepared responses on disk: reused, refused, and the same from several processes.

That features and labels are Rasa's is shown by the goldens (`tests/model/response_selector`).
"""

import json

import numpy as np
import pytest
from faq_project import DOMAIN, EXAMPLES, RESPONSES

from data_pipeline.errors import InputError
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.responses.fitted_responses import FittedResponses
from data_pipeline.responses.prepared_responses import (
    ResponseSettings,
    ResponseSources,
    count_labels,
    fingerprint_of,
    open_responses,
    prepare_responses,
)

PIPELINE = [{"name": "WhitespaceTokenizer"}, {"name": "CountVectorsFeaturizer"}]
FEATURES = FeatureSettings(PIPELINE, entities=False)


@pytest.fixture
def sources(tmp_path):
    lines = ['version: "3.1"', "nlu:", "- intent: greet", "  examples: |", "    - hello"]
    for key, examples in EXAMPLES.items():
        lines += [f"- intent: {key}", "  examples: |", *(f"    - {e}" for e in examples)]
    (tmp_path / "nlu.yml").write_text("\n".join(lines) + RESPONSES)
    (tmp_path / "domain.yml").write_text(DOMAIN)
    return ResponseSources((tmp_path / "nlu.yml",), (tmp_path / "domain.yml",))


def prepared(sources, directory, *, processes=1, **settings):
    made = ResponseSettings(FEATURES, **settings)
    return prepare_responses(sources, made, directory, processes=processes, show_progress=False)


def test_only_examples_of_the_intent_are_kept_but_all_words_are_known(sources, tmp_path):
    everything = prepared(sources, tmp_path / "all")
    of_chat = prepared(sources, tmp_path / "chat", retrieval_intent="chat")
    assert everything.fitted.labels == tuple(sorted(EXAMPLES))
    assert of_chat.fitted.labels == ("chat/joke", "chat/weather")
    assert (len(everything.store), len(of_chat.store)) == (18, 6)
    widths = [p.fitted.pipeline.sequence_width for p in (everything, of_chat)]
    assert (
        widths[0] == widths[1]
        and "hello" in everything.fitted.pipeline.featurizers[0].column_keys()
    )
    assert of_chat.fitted.retrieval_intents == ("chat", "faq")


def test_labels_by_text_are_the_texts_of_responses(sources, tmp_path):
    fitted = prepared(sources, tmp_path / "faq", retrieval_intent="faq", by_text=True).fitted
    assert fitted.labels == ("Main Street 7", "five euros for you", "we are open from 9 to 17")
    assert fitted.texts["text_mask"].sum(1).tolist() == [3, 4, 7]
    # __number__ and words of responses, also of those that are not learnt; not of messages
    assert fitted.text_widths["sequence"] == len(
        "main street __number__ five euros for you we are open from to knock it is sunny".split()
    )


def test_what_is_there_is_used_again(sources, tmp_path):
    first = prepared(sources, tmp_path / "data")
    header = tmp_path / "data" / "header.json"
    written = header.stat().st_mtime_ns
    assert prepared(sources, tmp_path / "data").fingerprint == first.fingerprint
    assert header.stat().st_mtime_ns == written
    changed = prepared(sources, tmp_path / "data", by_text=True)
    assert changed.fingerprint != first.fingerprint


def test_a_response_is_part_of_the_data(sources):
    settings = ResponseSettings(FEATURES)
    before = fingerprint_of(sources, settings)
    assert fingerprint_of(sources, settings) == before
    (domain,) = sources.domain
    domain.write_text(DOMAIN.replace("knock", "ring"))
    assert fingerprint_of(sources, settings) != before


@pytest.mark.slow
def test_several_processes_prepare_the_same(sources, tmp_path):
    one = prepared(sources, tmp_path / "one", by_text=True)
    two = prepared(sources, tmp_path / "two", by_text=True, processes=2)
    headers = [json.loads((p.directory / "header.json").read_text()) for p in (one, two)]
    assert headers[0]["files"] == headers[1]["files"]


def test_a_round_trip_keeps_everything(sources, tmp_path):
    fitted = prepared(sources, tmp_path / "data", by_text=True).fitted
    (tmp_path / "run").mkdir()
    fitted.save(tmp_path / "run")
    loaded = FittedResponses.load(tmp_path / "run")
    assert loaded.responses == fitted.responses and loaded.labels == fitted.labels
    assert loaded.text_widths == fitted.text_widths
    assert loaded.texts.keys() == fitted.texts.keys()
    for key, values in fitted.texts.items():
        np.testing.assert_array_equal(loaded.texts[key], values)


def test_damaged_and_foreign_folders_are_refused(sources, tmp_path):
    made = prepared(sources, tmp_path / "data")
    file = made.directory / "responses.json"
    file.write_text(file.read_text().replace("knock", "kneel"))
    with pytest.raises(InputError, match="responses.json was altered"):
        open_responses(made.directory)
    with pytest.raises(InputError, match="holds no prepared responses"):
        open_responses(tmp_path / "nowhere")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    with pytest.raises(InputError, match="holds no prepared responses. Choose another place"):
        prepared(sources, tmp_path / "other")


def test_labels_are_counted(sources):
    def count(**settings):
        return count_labels(sources, ResponseSettings(FEATURES, **settings))

    assert (count(), count(retrieval_intent="faq"), count(retrieval_intent="x")) == (5, 3, 0)
    assert count(by_text=True) == 5
    (domain,) = sources.domain
    domain.write_text(DOMAIN.replace("it is sunny", "knock knock"))
    assert count(by_text=True) == 4, "two responses with one text are one label"
