"""A component whose package is missing is refused in a line that says which extra to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from data_pipeline.errors import InputError
from data_pipeline.messages.pipeline_components import build_featurizers

ROOT = Path(__file__).resolve().parents[3]
LAZY = "spacy jieba transformers torch tokenizers".split()


@pytest.mark.parametrize(
    ("package", "pipeline", "extra"),
    [
        ("jieba", [{"name": "JiebaTokenizer"}], "jieba"),
        (
            "transformers",
            [{"name": "WhitespaceTokenizer"}, {"name": "LanguageModelFeaturizer"}],
            "language-models",
        ),
        ("spacy", [{"name": "SpacyNLP", "model": "x"}, {"name": "SpacyTokenizer"}], "spacy"),
    ],
)
def test_the_extra_to_install_is_named(monkeypatch, package, pipeline, extra):
    monkeypatch.setattr(
        "data_pipeline.optional_packages.find_spec", lambda name: None if name == package else name
    )
    wanted = f"needs the package '{package}', which is not installed; .*trainer.{extra}.'"
    with pytest.raises(InputError, match=wanted):
        build_featurizers(pipeline)


def test_nothing_is_imported_before_it_is_needed():
    code = (
        "import sys, data_pipeline.messages.prepare\n"
        f"print([name for name in {LAZY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
