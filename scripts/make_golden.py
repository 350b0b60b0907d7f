"""Which numbers does Rasa 3.6.21 itself compute? Writes them down for `tests/model`.

Rasa needs Python 3.10 and an old TensorFlow, so it has its own environment and is not needed for
testing; the tests read the `.npz` files that this script leaves in `tests/golden`:

    python3.10 -m venv rasa-venv
    rasa-venv/bin/pip install rasa==3.6.21
    rasa-venv/bin/python scripts/make_golden.py             # all of them, some minutes
    rasa-venv/bin/python scripts/make_golden.py crf diet    # those whose names begin so

Weights and batches are small and fixed, dropout is off. Where randomness is the point (which
negatives, which tokens are hidden) Rasa is given numbers from a seeded NumPy generator, and these
are written down, too. `golden/recording.py` says what is in a file.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
warnings.filterwarnings("ignore")

from golden import (  # noqa: E402
    bricks,
    diet,
    losses,
    response_selector,
    ted,
    text,
    unexpected_intent,
)
from golden.recording import save  # noqa: E402

DIRECTORY = Path(__file__).resolve().parent.parent / "tests" / "golden"
PARTS = (bricks, text, losses, diet, response_selector, ted, unexpected_intent)
MAKERS = {name: make for part in PARTS for name, make in part.MAKERS.items()}


def main(beginnings: list[str]) -> None:
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, make in MAKERS.items():
        if not beginnings or name.startswith(tuple(beginnings)):
            size = save(DIRECTORY / f"{name}.npz", **make())
            print(f"{name}: {size / 1000:.1f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
