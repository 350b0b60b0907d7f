"""What does Rasa 3.6.21 make of texts with Jieba, spaCy and transformers? Writes it down.

Runs in Rasa's own environment (see `make_golden.py`) with the packages that these components need,
and leaves `tests/golden/pretrained_*` for `tests/data_pipeline`:

    rasa-venv/bin/pip install 'rasa[spacy,jieba,transformers]==3.6.21'
    rasa-venv/bin/python scripts/make_pretrained_golden.py jieba spacy
    python scripts/golden/pretrained/tiny_transformers.py models    # in this environment
    rasa-venv/bin/python scripts/make_pretrained_golden.py transformers --models models

The models are tiny and made here and in the tests from the same numbers (`golden/tiny_*.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
warnings.filterwarnings("ignore")

from golden.pretrained import (  # noqa: E402
    jieba_words,
    language_model_features,
    spacy_features,
)

DIRECTORY = Path(__file__).resolve().parent.parent / "tests" / "golden"
MAKERS = {
    "jieba": jieba_words.record,
    "spacy": spacy_features.record,
    "transformers": language_model_features.record,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=MAKERS)
    parser.add_argument("--models", type=Path, help="what tiny_transformers.py left")
    given = parser.parse_args()
    for name in given.names:
        with tempfile.TemporaryDirectory() as folder:
            made = MAKERS[name](given.models if name == "transformers" else Path(folder))
        path = DIRECTORY / f"pretrained_{name}.json"
        text = json.dumps(made, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        path.write_text(text + "\n", encoding="utf-8")
        print(f"{path.name}: {path.stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
