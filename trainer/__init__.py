"""Trains Rasa's DIET and TED on any number of devices, from Python or by `python -m trainer`.

    import trainer

    run = trainer.train("examples/pizza", epochs=50)
    run.answer("two large pizzas")

What is here: `train`, `load`, `prepare`, `prepare_stories`, `Trainer`; see `docs/python.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.front_door import Trainer, load, prepare, prepare_stories, train

__all__ = ["Trainer", "load", "prepare", "prepare_stories", "train"]


def __getattr__(name: str) -> Any:
    """Looked up when first used, since TensorFlow takes seconds to load and `--help` needs none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trainer import front_door

    return getattr(front_door, name)
