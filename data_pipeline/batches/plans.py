"""Which example goes into which batch: a pure function of (labels, options, seed, epoch).

Nothing here has state. Shuffling, balancing and the growing batch size are arithmetic on indices,
so a resumed run finds its place by (epoch, step) alone, and every process computes the same plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PADDING = -1
STRATEGIES = ("balanced", "sequence")


@dataclass(frozen=True)
class Plan:
    """One epoch. `indices` `[steps, batch]` int64 name examples; `PADDING` fills the last batch.

    Rows are global: with n replicas, replica r takes the r-th of n equal slices of every row.
    """

    indices: np.ndarray

    @property
    def steps(self) -> int:
        return self.indices.shape[0]

    @property
    def batch_size(self) -> int:
        """The global batch size of this epoch; at most its examples."""
        return self.indices.shape[1]

    @property
    def examples(self) -> int:
        """How many examples the epoch holds, repetitions by balancing included."""
        return int((self.indices != PADDING).sum())

    def with_even_shares(self, lengths: np.ndarray) -> Plan:
        """The same batches in an order in which all replicas have equally much to do.

        Else all wait in every step for the one that got the longest examples. Each batch is sorted
        by length, and its rows are taken in the order of van der Corput's sequence, so that equal
        slices, however many, hold long and short ones alike: the order does not depend on the
        number of replicas.

        Args:
            lengths: `[examples]` int, how much each example is, such as its tokens.
        """
        is_real = self.indices != PADDING
        sizes = np.where(is_real, lengths[self.indices], -1)
        by_size = np.argsort(-sizes, axis=1, kind="stable")
        ordered = np.take_along_axis(self.indices, by_size, axis=1)
        counts = is_real.sum(axis=1)
        for examples in np.unique(counts):  # of full batches, and of a last one
            alike = counts == examples
            ordered[alike, :examples] = ordered[alike][:, _spread(int(examples))]
        return Plan(ordered)


@dataclass(frozen=True)
class Schedule:
    """How the epochs of a run are planned; the options are `DIETClassifier`'s of the same names.

    Attributes:
        batch_size: the global batch size, or the first and the last epoch's.
        batch_strategy: `balanced` or `sequence`.
        drop_small_last_batch: leave out a last batch that is less than half full.
        begun: an epoch that was begun earlier, perhaps when `epochs` were others, and the batch
            size that it keeps.
    """

    epochs: int
    batch_size: int | Sequence[int]
    batch_strategy: str = "balanced"
    seed: int = 0
    drop_small_last_batch: bool = False
    begun: tuple[int, int] | None = None

    def batch_size_of(self, epoch: int) -> int:
        """The global batch size of `epoch` (0-based)."""
        if self.begun is not None and self.begun[0] == epoch:
            return self.begun[1]
        return batch_size_of_epoch(self.batch_size, epoch, self.epochs)

    def plan(self, labels: np.ndarray, epoch: int) -> Plan:
        """The plan of `epoch` (0-based) for examples with these labels."""
        return epoch_plan(
            labels,
            self.batch_size_of(epoch),
            seed=self.seed,
            epoch=epoch,
            epochs=self.epochs,
            strategy=self.batch_strategy,
            drop_small_last_batch=self.drop_small_last_batch,
        )


def batch_size_of_epoch(batch_sizes: int | Sequence[int], epoch: int, epochs: int) -> int:
    """The global batch size of `epoch` (0-based): from the first size it grows to the second.

    Mirrors `rasa.utils.tensorflow.data_generator.RasaBatchDataGenerator` (it truncates).

    >>> [batch_size_of_epoch([8, 32], epoch, 4) for epoch in range(4)]
    [8, 16, 24, 32]
    """
    if isinstance(batch_sizes, int):
        return batch_sizes
    first, last = batch_sizes
    if epochs <= 1:
        return int(first)
    return int(first + epoch * (last - first) / (epochs - 1))


def epoch_plan(
    labels: np.ndarray,
    batch_sizes: int | Sequence[int],
    *,
    seed: int,
    epoch: int,
    epochs: int,
    strategy: str = "balanced",
    drop_small_last_batch: bool = False,
) -> Plan:
    """The plan of one epoch.

    Args:
        labels: `[examples]` the class of each example; only `balanced` looks at it.
        batch_sizes: a global batch size, or the first and the last epoch's.
        epochs: how many epochs the growth is spread over.
        strategy: `balanced` oversamples rare classes (`_balanced`), `sequence` does not.
        drop_small_last_batch: leave out a last batch that is less than half full.

    Raises:
        ValueError: no examples, or an unknown strategy.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"batch_strategy must be one of {STRATEGIES}. Received: {strategy!r}")
    if not len(labels):
        raise ValueError("There are no examples to plan an epoch of.")
    batch_size = batch_size_of_epoch(batch_sizes, epoch, epochs)
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(labels))
    if strategy == "balanced":
        order = _balanced(order, np.asarray(labels), batch_size, random)
    return Plan(_in_batches(order, batch_size, drop_small_last_batch))


def _spread(count: int) -> np.ndarray:
    """The numbers below `count` in the order of van der Corput's sequence, `[count]` int64.

    >>> _spread(8).tolist()
    [0, 4, 2, 6, 1, 5, 3, 7]
    """
    bits = max(count - 1, 1).bit_length()
    numbers = np.arange(count)
    reversed_bits = sum(((numbers >> bit) & 1) << (bits - 1 - bit) for bit in range(bits))
    return np.argsort(np.argsort(reversed_bits))


def in_order_plan(examples: int, batch_size: int) -> Plan:
    """Every example once, in order: for evaluation and prediction."""
    return Plan(_in_batches(np.arange(examples), batch_size, False))


def _in_batches(order: np.ndarray, batch_size: int, drop_small_last_batch: bool) -> np.ndarray:
    batch_size = min(batch_size, max(1, len(order)))  # more rows would be padding alone
    left_over = len(order) % batch_size
    if drop_small_last_batch and len(order) > batch_size and 0 < left_over < (batch_size + 1) // 2:
        order = order[:-left_over]
    steps = -(-len(order) // batch_size)
    padded = np.full(steps * batch_size, PADDING, np.int64)
    padded[: len(order)] = order
    return padded.reshape(steps, batch_size)


def _balanced(
    order: np.ndarray, labels: np.ndarray, batch_size: int, random: np.random.Generator
) -> np.ndarray:
    """Oversample rare classes so that every batch holds roughly every class in proportion.

    Mirrors `rasa.utils.tensorflow.model_data.RasaModelData.balanced_data`: in rounds, each class
    emits its share of a batch plus one; a class that has been seen in full sits out every other
    round; the epoch ends once all classes have been seen in full.
    """
    by_class = order[np.argsort(labels[order], kind="stable")]
    counts = np.unique(labels, return_counts=True)[1]
    starts = np.concatenate([[0], np.cumsum(counts)])
    shares = (counts / len(order) * batch_size).astype(int) + 1
    pointers = np.zeros(len(counts), int)
    finished = np.zeros(len(counts), bool)
    skipped = np.zeros(len(counts), bool)
    emitted = []
    while not finished.all():
        for c in random.permutation(len(counts)):
            if finished[c] and not skipped[c]:
                skipped[c] = True
                continue
            skipped[c] = False
            first = starts[c] + pointers[c]
            emitted.append(by_class[first : min(first + shares[c], starts[c + 1])])
            pointers[c] += shares[c]
            if pointers[c] >= counts[c]:
                finished[c], pointers[c] = True, 0
                if finished.all():
                    break
    return np.concatenate(emitted)
