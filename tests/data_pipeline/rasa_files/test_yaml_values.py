"""Words in YAML mean what they mean to Rasa, in every file."""

from __future__ import annotations

import math

import pytest
import yaml

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.yaml_files import parse_yaml, read_document, read_yaml_mapping
from data_pipeline.rasa_files.yaml_values import frozen_value, plain_value

# What `rasa.shared.utils.io.read_yaml` of Rasa 3.6.21 (ruamel.yaml 0.17.21) makes of `a: WORD`.
RASA = {
    **{
        word: word
        for word in ("yes", "Yes", "no", "No", "on", "off", "y", "n", "1:30", "1e", "0o8")
    },
    **{"true": True, "True": True, "TRUE": True, "false": False},
    **{"~": None, "null": None, "Null": None, "NULL": None, "": None},
    **{"-1": -1, "+1": 1, "010": 10, "08": 8, "0o10": 8, "0x1F": 31, "0b11": 3, "1_000": 1000},
    **{"1e3": 1000.0, "1e-3": 0.001, "1.5": 1.5, "1.": 1.0, "+.5": 0.5, ".5": 0.5, "5.e3": 5000.0},
    **{"1.0e+3": 1000.0, "12e03": 12000.0, ".inf": math.inf, "-.inf": -math.inf},
    **{"'yes'": "yes", '"1"': "1", "190:20:30.15": "190:20:30.15", "!!str 5": "5"},
}


@pytest.mark.parametrize(("word", "value"), RASA.items())
def test_a_word_means_what_it_means_to_rasa(tmp_path, word, value):
    path = tmp_path / "a.yml"
    path.write_text(f"a: {word}\n")
    document = frozen_value(read_document(path))
    for found in (read_yaml_mapping(path)["a"], parse_yaml(word), dict(document)["a"]):
        assert found == value and type(found) is type(value)


def test_what_is_no_number_is_a_number_that_equals_none():
    assert math.isnan(plain_value(".nan")) and math.isnan(plain_value(".NaN"))


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path):
    path = tmp_path / "config.yml"
    path.write_text("a: 1\nb:\n  c: 1\n  c: 2\n")
    with pytest.raises(InputError, match=r"config.yml:4: .*the key 'c' stands twice"):
        read_yaml_mapping(path)


def test_a_map_can_take_over_another():
    assert parse_yaml("[&a {x: 1, y: yes}, {<<: *a, x: 2}]")[1] == {"x": 2, "y": "yes"}
    with pytest.raises(yaml.YAMLError):
        parse_yaml("[")
