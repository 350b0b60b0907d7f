"""What does Rasa 3.6.21 make of texts with Jieba, spaCy and transformers? Writes it down.

Runs in Rasa's own environment (see `make_golden.py`) with the packages that these components need,
and leaves `tests/golden/pretrained.json` for `tests/data_pipeline`:

    rasa-venv/bin/pip install 'rasa[spacy,jieba,transformers]==3.6.21'
    rasa-venv/bin/python scripts/make_pretrained_golden.py

The models are tiny and made here and in the tests from the same numbers (`golden/tiny_*.py`).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
warnings.filterwarnings("ignore")

from golden import jieba_words, spacy_features  # noqa: E402

DIRECTORY = Path(__file__).resolve().parent.parent / "tests" / "golden"
MAKERS = {"jieba": jieba_words.record, "spacy": spacy_features.record}


def main(names: list[str]) -> None:
    for name, record in MAKERS.items():
        if not names or name in names:
            with tempfile.TemporaryDirectory() as folder:
                made = record(Path(folder))
            path = DIRECTORY / f"pretrained_{name}.json"
            path.write_text(
                json.dumps(made, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n",
                encoding="utf-8",
            )
            print(f"{path.name}: {path.stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
