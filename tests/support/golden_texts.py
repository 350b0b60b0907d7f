"""Rasa's batches of texts in our form, for the goldens of DIET and of the response selector."""

import numpy as np
from goldens import mask_draws, padding_draws

# From Rasa's layers for the texts of responses to ours; what lies below them is DIET's.
LABEL_PATHS = (
    (r"^sequence_layer\.label/feature_combining/", "label_text/features/"),
    (r"^sequence_layer\.label/ffnn/", "label_text/hidden/"),
    (r"^sequence_layer\.label/transformer/", "label_text/transformer/"),
)


def feature_width(given, name):
    """Columns of sparse features, 0 where there are none."""
    return int(given[f"{name}/shape"][-1]) if f"{name}/shape" in given else 0


def dense_width(given, name):
    """Columns of dense features, 0 where there are none."""
    return given[name].shape[-1] if name in given else 0


def text_tensors(given, name):
    """The text tensors of `model.batch`, of the texts that Rasa calls `name`."""
    lengths = given[f"{name}/sequence_lengths"].astype(int)
    time = lengths.max()
    mask = np.arange(time)[None] < lengths[:, None]
    batch = {"text_mask": mask.astype(np.float32)}
    for part, positions in (("sequence", time), ("sentence", 1)):
        if feature_width(given, f"{name}/{part}"):
            example, position, column = given[f"{name}/{part}/indices"].T
            cells = np.stack([example * positions + position, column], 1)
            order = np.argsort(cells[:, 0], kind="stable")
            batch[f"text_{part}_indices"] = cells[order]
            batch[f"text_{part}_values"] = given[f"{name}/{part}/values"][order]
        if dense_width(given, f"{name}/{part}"):
            dense = given[f"{name}/{part}"]
            batch[f"text_{part}_dense"] = dense if part == "sequence" else dense[:, 0]
    # Tokens are the same where their features are. Rasa tells that from random projections.
    features = np.zeros(given[f"{name}/sequence/shape"], np.float32)
    features[tuple(given[f"{name}/sequence/indices"].T)] = given[f"{name}/sequence/values"]
    _, ids = np.unique(features.reshape(-1, features.shape[-1]), axis=0, return_inverse=True)
    batch["text_token_ids"] = (ids.reshape(mask.shape) + 1) * mask
    return batch


def guessing_draws(drawn, token_mask):
    """What Rasa drew for its masked language model, by the places that ask for it here."""
    draws = {f"comparison/{what}": drawn[f"mask/{what}"] for what in ("inputs", "labels")}
    mask = {k.removeprefix("input_mask/"): v for k, v in drawn.items() if "_mask/" in k}
    hidden = mask_draws(mask, token_mask.shape[1]) | {"padding": padding_draws(mask, token_mask)}
    return draws | {f"input_mask/{name}": value for name, value in hidden.items()}


def label_features(given, name="all_labels"):
    """Per label and token, the (column, value) pairs of its name; None where it is one-hot."""
    if f"{name}/shape" not in given:
        return None
    count, tokens, _ = map(int, given[f"{name}/shape"])
    features = [[[] for _ in range(tokens)] for _ in range(count)]
    indices, values = given[f"{name}/indices"], given[f"{name}/values"]
    for (label, token, column), value in zip(indices, values, strict=True):
        features[label][token].append((int(column), float(value)))
    return features
