"""The fully connected bricks: `RandomlyConnectedDense`, `Ffnn` and `Embed`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from model.noise import Noise
from model.product_policy import product_dtype

CONNECTIONS = "connections"


@tf.custom_gradient
def gelu(inputs: tf.Tensor) -> tf.Tensor:
    """The exact Gaussian error linear unit, `x * Phi(x)`; element-wise on any float tensor.

    `tf.nn.gelu` computes the same. Its gradient, put together op by op, takes three times as long.
    """
    below = 0.5 * (1 + tf.math.erf(inputs * 2**-0.5))

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        density = tf.exp(-0.5 * inputs * inputs) * (2 * math.pi) ** -0.5
        return upstream * (below + inputs * density)

    return inputs * below, gradient


def l2(constant: float) -> keras.regularizers.Regularizer | None:
    """The mark by which the training step finds the kernels that it decays (Rasa's lambda)."""
    return keras.regularizers.L2(constant) if constant > 0 else None


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class Connections(keras.initializers.Initializer):
    """Which of the weights of an `[in, out]` kernel exist: 1 = connected.

    A tiled identity gives each input and each output at least one connection; on top, every cell is
    connected with probability `density` (Rasa's `RandomlyConnectedDense._minimal_mask` and
    `_random_mask`).

    >>> Connections(0.0)((2, 4)).numpy().tolist()
    [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """

    def __init__(self, density: float):
        self.density = density

    def __call__(self, shape: tuple[int, int], dtype: str = "float32") -> tf.Tensor:
        rows, columns = shape
        smaller = min(rows, columns)
        minimal = tf.range(rows)[:, None] % smaller == tf.range(columns)[None, :] % smaller
        drawn = tf.convert_to_tensor(keras.initializers.RandomUniform(0.0, 1.0)(shape))
        return tf.cast(minimal | (drawn < self.density), dtype)

    def get_config(self) -> dict:
        return {"density": self.density}


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class RandomlyConnectedDense(keras.layers.Layer):
    """A dense layer in which only a random share of the weights exists.

    The connections are drawn once, when the layer is built, and are part of its saved state (the
    non-trainable weight `connections`). Missing weights are stored as 0 and get a gradient of 0, so
    that they stay 0 under any optimizer. Mirrors the layer of the same name in
    `rasa.utils.tensorflow.layers`.

    Args:
        units: Width of the output.
        density: Probability of each connection beyond the minimal ones; 1 connects everything
            and keeps no mask.
        regularization: L2 constant of the kernel.

    Call: `[..., inputs]` -> `[..., units]` in the compute dtype.

    >>> layer = RandomlyConnectedDense(4, density=0.0)
    >>> tuple(layer(tf.ones([2, 3])).shape), layer.connected_weights
    ((2, 4), 8)
    """

    def __init__(
        self,
        units: int,
        *,
        density: float = 1.0,
        activation: str | None = None,
        use_bias: bool = True,
        regularization: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not 0 <= density <= 1:
            raise ValueError(f"`density` must lie between 0 and 1. Received: {density}")
        if activation not in (None, "gelu"):
            raise ValueError(f'`activation` must be None or "gelu". Received: {activation!r}')
        self.units = units
        self.density = density
        self.activation = activation
        self.use_bias = use_bias
        self.regularization = regularization

    def build(self, input_shape: Sequence[Any]) -> None:
        shape = (input_shape[-1], self.units)
        initial = keras.initializers.GlorotUniform()
        self.connections = None
        if self.density < 1:
            mask = Connections(self.density)(shape)
            self.connections = self.add_weight(
                shape=shape, initializer=lambda *_, **__: mask, trainable=False, name=CONNECTIONS
            )
            glorot = initial
            # Missing ones are 0, not -0 as half of the products by the mask would be.
            initial = lambda shape, dtype: tf.where(mask > 0, glorot(shape, dtype), 0)  # noqa: E731
        self.kernel = self.add_weight(
            shape=shape, initializer=initial, regularizer=l2(self.regularization), name="kernel"
        )
        self.bias = (
            self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
            if self.use_bias
            else None
        )

    @property
    def connected_weights(self) -> int:
        """How many weights take part, biases included."""
        return count_connected_weights(self)

    def connected_kernel(self) -> tf.Tensor:
        """The kernel `[in, out]` as products take it, 0 where there is no connection."""
        kernel = tf.convert_to_tensor(self.kernel)
        if self.connections is not None:
            kernel *= tf.convert_to_tensor(self.connections)
        return tf.cast(kernel, product_dtype(self.dtype_policy))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        outputs = multiply(inputs, self.connected_kernel())
        if self.bias is not None:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))
        return gelu(outputs) if self.activation == "gelu" else outputs

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "density": self.density,
            "activation": self.activation,
            "use_bias": self.use_bias,
            "regularization": self.regularization,
        }


def multiply(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """`[..., in]` times `[in, out]` as one flat product, which is faster than a batched one.

    Both are multiplied in the dtype of the kernel; the result has that of `inputs`.
    """
    if inputs.shape.rank == 2:
        return tf.cast(tf.matmul(tf.cast(inputs, kernel.dtype), kernel), inputs.dtype)
    flat = multiply(tf.reshape(inputs, [-1, kernel.shape[0]]), kernel)
    shape = tf.concat([tf.shape(inputs)[:-1], [kernel.shape[1]]], 0)
    return tf.ensure_shape(tf.reshape(flat, shape), [*inputs.shape[:-1], kernel.shape[1]])


def count_connected_weights(layer: keras.layers.Layer) -> int:
    """How many trainable weights of a layer or model exist, missing connections not counted."""
    every = sum(int(tf.size(tf.convert_to_tensor(weight))) for weight in layer.trainable_variables)
    missing = sum(
        int(tf.reduce_sum(1 - tf.convert_to_tensor(weight)))
        for weight in layer.non_trainable_variables
        if weight.name == CONNECTIONS
    )
    return every - missing


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class Ffnn(keras.layers.Layer):
    """A stack of `RandomlyConnectedDense` with gelu, each followed by dropout.

    Mirrors `rasa.utils.tensorflow.layers.Ffnn`. Without `sizes` it is the identity.

    Call: `[..., inputs]` -> `[..., sizes[-1]]`.

    >>> tuple(Ffnn([8, 3])(tf.ones([2, 5])).shape)
    (2, 3)
    """

    def __init__(
        self,
        sizes: list[int],
        *,
        drop_rate: float = 0.0,
        density: float = 1.0,
        regularization: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.sizes = list(sizes)
        self.drop_rate = drop_rate
        self.density = density
        self.regularization = regularization

    def build(self, input_shape: Sequence[Any]) -> None:
        self.hidden = []
        width = input_shape[-1]
        for number, size in enumerate(self.sizes):
            layer = RandomlyConnectedDense(
                size,
                density=self.density,
                activation="gelu",
                regularization=self.regularization,
                dtype=self.dtype_policy,
                name=f"hidden_{number}",
            )
            layer.build((None, width))
            self.hidden.append(layer)
            width = size

    def output_width(self, input_width: int) -> int:
        """The last dimension of the output, given that of the input."""
        return self.sizes[-1] if self.sizes else input_width

    def call(self, inputs: tf.Tensor, noise: Noise | None = None) -> tf.Tensor:
        for layer in self.hidden:
            inputs = layer(inputs)
            if noise is not None:
                inputs = noise.dropout(f"{layer.path}/dropout", inputs, self.drop_rate)
        return inputs

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "sizes": self.sizes,
            "drop_rate": self.drop_rate,
            "density": self.density,
            "regularization": self.regularization,
        }


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class Embed(RandomlyConnectedDense):
    """A linear, fully connected projection with bias (`rasa.utils.tensorflow.layers.Embed`).

    Call: `[..., inputs]` -> `[..., units]`.

    >>> tuple(Embed(20)(tf.ones([2, 5])).shape)
    (2, 20)
    """

    def __init__(self, units: int, *, regularization: float = 0.0, **kwargs: Any):
        super().__init__(units, regularization=regularization, **kwargs)
