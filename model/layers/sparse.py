"""The way in for sparse features: dropout on the stored values, then a dense layer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import keras
import tensorflow as tf

from model.layers.dense import l2
from model.noise import Noise

ReadRows: TypeAlias = Callable[[tf.Tensor], tf.Tensor]
"""Rows of a kernel, `[n]` int64 and each once -> what they hold, `[n, units]` float32."""


class SparseRows(NamedTuple):
    """A sparse matrix, by its stored values.

    Attributes:
        rows, columns: `[stored]` int64; `rows` ascend.
        values: `[stored]` float32.
        count: int scalar, of rows.
    """

    rows: tf.Tensor
    columns: tf.Tensor
    values: tf.Tensor
    count: tf.Tensor


Product: TypeAlias = Callable[[SparseRows], tf.Tensor]
"""-> the product with a kernel, `[count, units]` float32, with a gradient to the kernel."""


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class SparseDropout(keras.layers.Layer):
    """Dropout of the stored values of sparse features (`rasa.utils.tensorflow.layers`).

    The values that stay are not scaled up, as in Rasa.

    Args:
        rate: Probability of each stored value to be dropped.

    Call: `values` `[stored]` float32 -> the same shape, with zeros; unchanged without `noise`.

    >>> SparseDropout(0.5)(tf.ones([3])).numpy().tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(self, rate: float, **kwargs: Any):
        super().__init__(**{**kwargs, "autocast": False})
        self.rate = rate

    def build(self, input_shape: object = None) -> None:
        """There are no weights."""

    def call(self, values: tf.Tensor, noise: Noise | None = None) -> tf.Tensor:
        if noise is None or self.rate <= 0:
            return values
        return tf.where(noise.keep(self.path, tf.shape(values), self.rate), values, 0.0)

    def get_config(self) -> dict:
        return {**super().get_config(), "rate": self.rate}


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class DenseForSparse(keras.layers.Layer):
    """A dense layer on rows of sparse features (`rasa.utils.tensorflow.layers.DenseForSparse`).

    The product is made in float32 under any dtype policy, since counts do not survive 16 bits;
    the output has the compute dtype.

    Args:
        units: Width of the output.
        sparse_drop_rate: Of the `SparseDropout` in front.
        dense_drop_rate: Ordinary dropout on the output, which Rasa calls "dense input dropout".
        regularization: L2 constant of the kernel.

    Call: `indices` `[stored, 2]` int64 (row, column) sorted by row, `values` `[stored]` float32,
    `rows` int scalar tensor -> `[rows, units]`. Rows without features get the bias.

    >>> layer = DenseForSparse(3)
    >>> layer.build((None, 10))
    >>> tuple(layer(tf.constant([[0, 7]], tf.int64), tf.ones([1]), tf.constant(2)).shape)
    (2, 3)
    """

    def __init__(
        self,
        units: int,
        *,
        sparse_drop_rate: float = 0.0,
        dense_drop_rate: float = 0.0,
        regularization: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**{**kwargs, "autocast": False})
        self.units = units
        self.sparse_drop_rate = sparse_drop_rate
        self.dense_drop_rate = dense_drop_rate
        self.regularization = regularization
        self._product: Product = self._product_with_touched

    def build(self, input_shape: Sequence[Any]) -> None:
        self.sparse_dropout = SparseDropout(self.sparse_drop_rate, name="sparse")
        self.sparse_dropout.build()
        self.width = input_shape[-1]
        self.kernel = self.add_weight(
            shape=(self.width, self.units),
            initializer="glorot_uniform",
            regularizer=l2(self.regularization),
            autocast=False,
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(self.units,), initializer="zeros", autocast=False, name="bias"
        )

    @contextlib.contextmanager
    def multiplied_by(self, product: Product) -> Iterator[None]:
        """Within this block the product with the kernel is what `product` says.

        For training that does not write every row at every step, nor on every device
        (`trainer.training.rows.owned_rows`).
        """
        before, self._product = self._product, product
        try:
            yield
        finally:
            self._product = before

    def read_whole(self) -> contextlib.AbstractContextManager:
        """Within this block rows are multiplied where they lie, without a copy of those touched.

        For answers: a gradient would be as large as the kernel.
        """
        return self.multiplied_by(
            lambda features: sparse_matmul(features, tf.convert_to_tensor(self.kernel.value))
        )

    def _product_with_touched(self, features: SparseRows) -> tf.Tensor:
        return sparse_product(features, lambda rows: tf.gather(self.kernel.value, rows))

    def call(
        self, indices: tf.Tensor, values: tf.Tensor, rows: tf.Tensor, noise: Noise | None = None
    ) -> tf.Tensor:
        values = self.sparse_dropout(values, noise=noise)
        # A stored zero changes nothing, and the kernels below crash on an empty matrix (which a
        # replica has when its share of a last batch is padding alone).
        last_row = tf.cast(rows, tf.int64) - 1
        column = tf.maximum(tf.reduce_max(indices[:, 1]), 0)
        indices = tf.concat([indices, [tf.stack([last_row, column])]], 0)
        values = tf.concat([values, [0.0]], 0)
        outputs = self._product(SparseRows(indices[:, 0], indices[:, 1], values, rows))
        outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))
        outputs = tf.cast(outputs, self.compute_dtype)
        if noise is not None:
            outputs = noise.dropout(f"{self.path}/dense", outputs, self.dense_drop_rate)
        return outputs

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "sparse_drop_rate": self.sparse_drop_rate,
            "dense_drop_rate": self.dense_drop_rate,
            "regularization": self.regularization,
        }


def sparse_product(features: SparseRows, read: ReadRows) -> tf.Tensor:
    """`sparse_matmul` with a kernel of which only the touched rows are read, each once.

    So the gradient is `tf.IndexedSlices` with unique rows, a few percent of a wide kernel.
    """
    touched, numbers = tf.unique(features.columns, out_idx=tf.int64)
    return sparse_matmul(features._replace(columns=numbers), read(touched))


def sparse_matmul(sparse: SparseRows, dense: tf.Tensor) -> tf.Tensor:
    """The product of a sparse matrix with a dense one.

    In compressed-row form, which takes a tenth of the time of `tf.sparse.sparse_dense_matmul`.
    Only `dense` has a gradient.

    Args:
        dense: `[width, units]` float32.

    Returns:
        `[count, units]` float32.
    """
    compressed = tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=tf.stack([sparse.rows, sparse.columns], axis=1),
        values=sparse.values,
        dense_shape=tf.stack([tf.cast(sparse.count, tf.int64), tf.shape(dense, tf.int64)[0]]),
    )

    @tf.custom_gradient
    def product(dense: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            # Laid out by columns it takes a third of the time that sorting by them does.
            transposed = tf.raw_ops.SparseMatrixTranspose(input=compressed, type=tf.float32)
            return tf.raw_ops.SparseMatrixMatMul(a=transposed, b=upstream)

        return tf.raw_ops.SparseMatrixMatMul(a=compressed, b=dense), gradient

    return product(dense)
