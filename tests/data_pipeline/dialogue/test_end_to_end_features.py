"""Texts and names of end-to-end stories have the features that Rasa 3.6.21 gives them."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_pipeline.batches.assembly import assemble
from data_pipeline.dialogue.prepare_dialogues import (
    DialogueSettings,
    DialogueSources,
    prepare_dialogues,
)
from data_pipeline.messages.feature_settings import FeatureSettings

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "end_to_end_features.json").read_text(encoding="utf-8")
)


@pytest.fixture
def texts(written, tmp_path):
    """The pipelines for texts and names, fitted to the golden's stories and NLU examples."""
    given = GOLDEN["given"]
    paths = {name: written(f"{name}.yml", given[name]) for name in ("domain", "stories", "nlu")}
    sources = DialogueSources((paths["domain"],), (paths["stories"],), (paths["nlu"],))
    settings = DialogueSettings(augmentation_factor=0)
    features = FeatureSettings(given["pipeline"])
    made = prepare_dialogues(sources, settings, tmp_path / "out", text_features=features)
    return made.featurizer.texts


@pytest.mark.parametrize("attribute", ["intent", "action_name"])
def test_a_name_is_the_sum_of_its_words(texts, attribute):
    expected = GOLDEN["features"][attribute]
    rows = texts.name_rows(attribute, list(expected)).toarray()
    for row, (name, (sentence,)) in zip(rows, expected.items(), strict=True):
        assert sentence["shape"] == [1, len(row)], name
        entries = [[0, int(column), float(row[column])] for column in row.nonzero()[0]]
        assert entries == sentence["entries"], name


@pytest.mark.parametrize("attribute", ["text", "action_text"])
def test_a_text_has_the_features_of_its_tokens_and_of_the_whole(texts, attribute):
    expected = GOLDEN["features"][attribute]
    store = texts.store(attribute, list(expected))
    for number, (text, parts) in enumerate(expected.items()):
        length = int(store.lengths[number])
        batch = assemble(store, np.array([number]), length)
        widths = (
            texts.pipelines[attribute].sequence_width,
            texts.pipelines[attribute].sentence_width,
        )
        shapes = [[length, widths[0]], [1, widths[1]]]
        assert [part["shape"] for part in parts] == shapes, text
        for part in parts:
            indices = batch[f"text_{part['type']}_indices"].tolist()
            values = batch[f"text_{part['type']}_values"].tolist()
            entries = [[*place, value] for place, value in zip(indices, values, strict=True)]
            assert sorted(entry for entry in entries if entry[2]) == part["entries"], text


@pytest.mark.shows("ted.BILOU_flag")
def test_tags_count_through_all_entity_states_of_the_domain(texts):
    assert list(texts.entity_tags) == GOLDEN["tags"]
