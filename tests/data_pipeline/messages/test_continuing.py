"""Fitted pipelines extended by new training data: what stays, what is added, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from data_pipeline.errors import InputError
from data_pipeline.featurizers.count_vectors import CountVectorsFeaturizer
from data_pipeline.featurizers.featurizer import TokenizedMessage
from data_pipeline.featurizers.lexical_syntactic import LexicalSyntacticFeaturizer
from data_pipeline.featurizers.regex_featurizer import RegexFeaturizer
from data_pipeline.messages.earlier_pipeline import EarlierPipeline, check_extends, column_origins
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.prepare import prepare
from data_pipeline.rasa_files.training_items import LookupTable, Message, RegexPattern
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer

PIPELINE = (
    {"name": "WhitespaceTokenizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer", "features": [[], ["low", "suffix2"], ["BOS"]]},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "max_ngram": 2},
)
OLD = """\
nlu:
- intent: greet
  examples: |
    - hello you
    - zoo hello
- intent: fly
  examples: |
    - fly to [Rome](city)
    - fly to [nyc]{"entity": "city", "value": "New York"}
- regex: zip
  examples: |
    - [0-9]{5}
- lookup: place
  examples: |
    - Rome
"""
NEW = """\
nlu:
- intent: greet
  examples: |
    - hello
    - aardvark HELLO
- intent: fly
  examples: |
    - fly 12345 [Rome](city)
    - fly [big apple]{"entity": "city", "value": "New York"}
- regex: area
  examples: |
    - \\+[0-9]+
- regex: zip
  examples: |
    - [0-9]{4,5}
- lookup: place
  examples: |
    - Rome
    - Oslo
"""


def tokenized(text, intent="greet"):
    return TokenizedMessage(Message(text, intent), WhitespaceTokenizer().tokenize(text))


def continued(kind, old, new, **options):
    """The featurizer fitted to the old texts, and another that then went on with the new ones."""
    earlier, later = kind(options), kind(options)
    earlier.fit([earlier.observe([tokenized(text) for text in old])])
    later.continue_from(earlier)
    later.fit([later.observe([tokenized(text)]) for text in new])
    return earlier, later


@pytest.fixture
def prepared(tmp_path):
    """Prepares a training text, perhaps as an extension of an earlier data set."""

    def run(name, text, earlier=None):
        (tmp_path / f"{name}.yml").write_text(text)
        extended = EarlierPipeline.of(earlier.directory) if earlier else None
        settings = FeatureSettings(PIPELINE, earlier=extended)
        return prepare([tmp_path / f"{name}.yml"], settings, tmp_path / name, show_progress=False)

    return run


# --- Featurizers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"min_df": 2}, {"max_features": 2}, {"max_ngram": 2}])
def test_new_terms_come_after_the_known_ones_however_rare(options):
    earlier, later = continued(
        CountVectorsFeaturizer, ["b c b", "c d"], ["c z a", "new c"], **options
    )
    known = earlier.state()["vocabulary"]
    now = later.state()["vocabulary"]
    assert now[: len(known)] == known
    added = set(now) - set(known)
    assert now[len(known) :] == sorted(added) and added >= {"z", "a", "new"}
    assert later.state()["labels"] == earlier.state()["labels"] == ["greet"]


def test_a_known_stand_in_for_unknown_words_takes_all_new_words():
    _, later = continued(
        CountVectorsFeaturizer, ["oov hello"], ["hello new words"], OOV_token="oov"
    )
    assert later.state()["vocabulary"] == ["hello", "oov"]


def test_a_shared_vocabulary_may_stay_but_not_grow():
    shared = {"use_shared_vocab": True}
    earlier, later = continued(CountVectorsFeaturizer, ["hello you"], ["you hello"], **shared)
    assert later.state() == earlier.state()
    with pytest.raises(InputError, match="shared with intent names .* 1 new terms, the first 'me'"):
        continued(CountVectorsFeaturizer, ["hello you"], ["hello me"], **shared)


def test_lexical_values_are_added_and_none_is_lost():
    earlier, later = continued(
        LexicalSyntacticFeaturizer, ["ab AB"], ["cd"], features=[["low", "suffix2"]]
    )
    assert earlier.column_keys() == [
        *[(0, "low", "False"), (0, "low", "True")],
        *[(0, "suffix2", "AB"), (0, "suffix2", "ab")],
    ]
    assert later.column_keys() == [*earlier.column_keys(), (0, "suffix2", "cd")]


def test_patterns_of_known_names_keep_their_columns():
    earlier, later = RegexFeaturizer(), RegexFeaturizer()
    earlier.learn_patterns(
        [RegexPattern("a", "1"), RegexPattern("a", "2"), RegexPattern("z", "3")],
        [LookupTable("city", ("Rome",))],
    )
    later.continue_from(earlier)
    later.learn_patterns(
        [RegexPattern("a", "0"), RegexPattern("a", "2"), RegexPattern("b", "5")],
        [LookupTable("town", ("Bern",)), LookupTable("city", ("Rome", "Oslo"))],
    )
    state = later.state()
    assert state["regexes"] == [["a", "0"], ["a", "2"], ["z", "3"], ["b", "5"]]
    assert state["lookups"] == [["city", ["Rome", "Oslo"]], ["town", ["Bern"]]]
    assert set(earlier.column_keys()) < set(later.column_keys())
    restored = RegexFeaturizer.restore(later.options(), state)
    assert restored.state() == state, "restoring does not sort"


# --- Whole pipelines ------------------------------------------------------------------------------


def test_every_known_column_is_found_again_with_its_meaning(prepared):
    old = prepared("old", OLD)
    new = prepared("new", NEW, old)
    sequence, sentence = column_origins(old.pipeline, new.pipeline)
    for origins, width, earlier_width in (
        (sequence, new.pipeline.sequence_width, old.pipeline.sequence_width),
        (sentence, new.pipeline.sentence_width, old.pipeline.sentence_width),
    ):
        assert len(origins) == width > earlier_width
        assert sorted(origins[origins >= 0]) == list(range(earlier_width))
    tokens = ["hello", "you", "zoo", "Rome", "nyc"]
    before, now = (d.pipeline.token_rows(tokens).toarray() for d in (old, new))
    known = sequence >= 0
    np.testing.assert_array_equal(now[:, known], before[:, sequence[known]])
    assert not now[:, ~known].any(), "texts of the earlier data have no new features"


def test_rows_of_counted_words_lie_as_rasa_lays_them_out(tmp_path):
    """Per featurizer the known rows, then the new (`_replace_dense_for_sparse_layer`)."""
    pipeline = (PIPELINE[0], PIPELINE[3], PIPELINE[4])
    fitted, earlier = [], None
    for name, text in (("old", OLD), ("new", NEW)):
        (tmp_path / f"{name}.yml").write_text(text)
        settings = FeatureSettings(pipeline, earlier=earlier)
        made = prepare([tmp_path / f"{name}.yml"], settings, tmp_path / name, show_progress=False)
        fitted.append(made.pipeline)
        earlier = EarlierPipeline.of(made.directory)
    expected, start = [], 0
    for old, new in zip(*(f.featurizers for f in fitted), strict=True):
        added = new.sequence_width - old.sequence_width
        assert added > 0
        expected += [*range(start, start + old.sequence_width), *[-1] * added]
        start += old.sequence_width
    for origins in column_origins(*fitted):
        assert origins.tolist() == expected


def test_nothing_changes_when_the_data_has_not(prepared):
    old = prepared("old", OLD)
    again = prepared("again", OLD, old)
    assert again.fingerprint != old.fingerprint
    for origins in column_origins(old.pipeline, again.pipeline):
        np.testing.assert_array_equal(origins, np.arange(len(origins)))
    kept, new = (d.directory / "pipeline.json" for d in (old, again))
    assert new.read_bytes() == kept.read_bytes()


def test_synonyms_of_the_earlier_data_stay(prepared):
    old = prepared("old", OLD)
    new = prepared("new", NEW, old)
    assert new.pipeline.synonyms.synonyms == old.pipeline.synonyms.synonyms | {
        "big apple": "New York"
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("intent: fly", "intent: go"), "(new intent go; no example of intent fly)"),
        (("(city)", "(town)"), "(new entity town)"),
        (
            ("[Rome](city)", '[Rome]{"entity": "city", "role": "to"}'),
            "(new role to)",
        ),
    ],
)
def test_other_labels_are_refused_and_named(prepared, tmp_path, change, said):
    old = prepared("old", OLD)
    with pytest.raises(InputError) as refused:
        prepared("new", NEW.replace(*change), old)
    assert said in str(refused.value) and "at least one example of each" in str(refused.value)
    assert not (tmp_path / "new").exists()


def test_word_vectors_of_another_length_are_refused(tmp_path):
    pipeline = (*PIPELINE[:1], {"name": "WordVectorsFeaturizer", "path": str(tmp_path / "v.txt")})
    (tmp_path / "nlu.yml").write_text(OLD)
    fitted = []
    for vector in ("1 2 3", "1 2"):
        (tmp_path / "v.txt").write_text(f"hello {vector}\n")
        out = tmp_path / f"prepared {vector}"
        settings = FeatureSettings(pipeline)
        fitted.append(prepare([tmp_path / "nlu.yml"], settings, out, show_progress=False).pipeline)
    with pytest.raises(InputError, match="have 2 numbers, those of the earlier run 3"):
        check_extends(*fitted)


# --- Fingerprints ---------------------------------------------------------------------------------

MARKDOWN = "## intent:greet\n- hi\n## lookup:city\ncities.txt\n"
JSON = """{"rasa_nlu_data": {"common_examples": [{"text": "hi", "intent": "greet"}],
"lookup_tables": [{"name": "city", "elements": "cities.txt"}]}}"""


@pytest.mark.parametrize(("file", "text"), [("nlu.md", MARKDOWN), ("nlu.json", JSON)])
def test_a_changed_lookup_file_is_changed_training_data(tmp_path, file, text):
    (tmp_path / file).write_text(text)
    (tmp_path / "cities.txt").write_text("Rome\n")
    settings = FeatureSettings(PIPELINE)
    before = settings.fingerprint([tmp_path / file])
    assert settings.fingerprint([tmp_path / file]) == before
    (tmp_path / "cities.txt").write_text("Rome\nOslo\n")
    assert settings.fingerprint([tmp_path / file]) != before
    (tmp_path / "cities.txt").unlink()
    with pytest.raises(InputError, match="lookup table names a file that does not exist"):
        settings.fingerprint([tmp_path / file])
