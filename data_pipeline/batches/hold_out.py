"""Examples that are held out of training, to be evaluated on: chosen by index, copied nowhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from sklearn.model_selection import train_test_split

from data_pipeline.batches.dataset import BatchSource
from data_pipeline.batches.plans import PADDING
from data_pipeline.errors import InputError


class ExampleSubset:
    """Some examples of a store, which can stand wherever the store can.

    >>> train = ExampleSubset(store, np.array([0, 2, 3]))                       # doctest: +SKIP
    """

    def __init__(self, store: BatchSource, indices: np.ndarray):
        """`indices` `[n]` int64 name examples of `store`; example i of the subset is the i-th."""
        self._store = store
        self._indices = indices
        self.labels = store.labels[indices]
        self.lengths = store.lengths[indices]

    def __len__(self) -> int:
        return len(self._indices)

    def batch(
        self, mine: np.ndarray, whole: np.ndarray, keys: Collection[str]
    ) -> Mapping[str, np.ndarray]:
        """One replica's batch; see `data_pipeline.batches.dataset.BatchSource`."""
        real = mine[mine != PADDING]
        padding = mine[len(real) :]
        return self._store.batch(
            np.append(self._indices[real], padding), self._indices[whole], keys
        )


def hold_out(
    labels: np.ndarray, held_out: int, seed: int, *, stratify: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Indices to train on and indices to evaluate on, both in ascending order.

    Mirrors `rasa.utils.tensorflow.model_data.RasaModelData.split`: every label gets its share of
    the held-out examples; a label's only example is trained on. The same examples are chosen.

    Args:
        labels: `[examples]` int, the intent or action of each.
        held_out: how many examples are evaluated on.
        stratify: whether labels matter; without, any examples are taken.

    Raises:
        InputError: too many or too few for every label to be on both sides.
    """
    _, label_of, counts = np.unique(labels, return_inverse=True, return_counts=True)
    kinds = len(counts) if stratify else 1
    most = len(labels) - kinds - 1
    if not kinds <= held_out <= most:
        raise InputError(
            "evaluate_on_number_of_examples must leave training examples of every label and hold "
            f"out at least as many examples as there are labels: from {kinds} to {most} for these "
            f"{len(labels)} examples of {kinds} labels. Received: {held_out}"
        )
    shared = np.flatnonzero(counts[label_of] > 1) if stratify else np.arange(len(labels))
    _, chosen = train_test_split(
        shared,
        test_size=held_out,
        random_state=seed,
        stratify=label_of[shared] if stratify else None,
    )
    rest = np.ones(len(labels), bool)
    rest[chosen] = False
    return np.flatnonzero(rest), np.sort(chosen)
