"""Layer normalisation with its gradient in closed form: half of the operations, and of the time."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class RowNormalization(keras.layers.LayerNormalization):
    """`keras.layers.LayerNormalization` of rows: the same numbers and weights.

    In float32 under any dtype policy (Ba et al. 2016, arXiv:1607.06450).

    Call: `[rows, units]` -> the same shape in the compute dtype.

    >>> layer = RowNormalization(epsilon=1e-6)
    >>> layer(tf.constant([[1.0, 3.0]])).numpy().round(3).tolist()
    [[-1.0, 1.0]]
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        weights = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        outputs = _normalised(tf.cast(inputs, tf.float32), *weights, epsilon=self.epsilon)
        return tf.cast(outputs, self.compute_dtype)


def _normalised(rows: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, *, epsilon: float) -> tf.Tensor:
    @tf.custom_gradient
    def normalised(
        rows: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor
    ) -> tuple[tf.Tensor, Callable]:
        centred = rows - tf.reduce_mean(rows, 1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), 1, keepdims=True)
        inverse = tf.math.rsqrt(variance + epsilon)
        normed = centred * inverse

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            of_gamma = upstream * normed
            # Means over a row of gamma · upstream, and of that times the normed row.
            mean = tf.matmul(upstream, gamma[:, None]) / gamma.shape[0]
            slope = tf.matmul(of_gamma, gamma[:, None]) / gamma.shape[0]
            of_rows = inverse * (upstream * gamma - mean - normed * slope)
            return of_rows, tf.reduce_sum(of_gamma, 0), tf.reduce_sum(upstream, 0)

        return normed * gamma + beta, gradient

    return normalised(rows, gamma, beta)
