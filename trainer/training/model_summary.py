"""How large a model is, and what it is made of, in words."""

from __future__ import annotations

from collections.abc import Mapping

import keras


def weights_in_words(weights: Mapping[str, int]) -> str:
    """What `DIET.weight_counts` counted: weights that do not exist are not counted as trained."""
    words = f"{weights['connected']:,} trainable weights"
    missing = weights["stored"] - weights["connected"]
    return f"{words} (connection_density leaves out {missing:,} others)" if missing else words


def model_summary(model: keras.Model) -> str:
    """The layers of the model as a tree, what is trained of it, and every variable's shape."""
    lines: list[str] = []
    model.summary(expand_nested=True, print_fn=lambda text, **_: lines.append(text))
    lines.append(f"Connected: {weights_in_words(model.weight_counts())}")
    lines += [f"{variable.path}  {tuple(variable.shape)}" for variable in model.variables]
    return "\n".join(lines)
