"""What labels look like to the model."""

from __future__ import annotations

import json

from data_pipeline.featurizers.featurizer import TokenizedMessage
from data_pipeline.messages.label_features import LabelFeatures, build_label_features
from data_pipeline.messages.pipeline_components import build_featurizers
from data_pipeline.rasa_files.training_items import Message

LABELS = ("ask-time", "ask_time", "greet")


def built(*featurizers, **tokenizer_options):
    names = [{"name": "CountVectorsFeaturizer", **options} for options in featurizers]
    components = build_featurizers([{"name": "WhitespaceTokenizer", **tokenizer_options}, *names])
    messages = [TokenizedMessage(Message("hi", label), ()) for label in LABELS]
    for featurizer in components.featurizers:
        featurizer.fit([featurizer.observe(messages)])
    return build_label_features(LABELS, components.featurizers, components.tokenizer.label_tokens)


def test_words_of_the_names_make_rows():
    features = built({}, {"analyzer": "char_wb"})
    assert not features.one_hot
    assert features.width == 4
    assert features.columns == (((0, 3),), ((1,),), ((2,),))
    assert features.values == (((1.0, 1.0),), ((1.0,),), ((1.0,),))


def test_each_token_of_a_split_name_has_its_row():
    features = built({}, intent_tokenization_flag=True)
    assert features.columns == (((0, 2),), ((0,), (2,)), ((1,),))


def test_two_word_featurizers_stand_side_by_side():
    features = built({}, {"lowercase": False})
    assert features.width == 8
    assert features.columns[2] == ((2, 6),)


def test_without_word_features_labels_are_one_hot():
    features = built({"analyzer": "char_wb"})
    assert features == LabelFeatures(
        3, True, (((0,),), ((1,),), ((2,),)), (((1.0,),), ((1.0,),), ((1.0,),))
    )


def test_features_survive_json():
    features = built({})
    assert LabelFeatures.from_json(json.loads(json.dumps(features.to_json()))) == features
