"""Half precision: the dtype policies, and the loss scale that float16 needs."""

from __future__ import annotations

import keras
import tensorflow as tf

from model.product_policy import BFloat16Products

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")

INITIAL_SCALE = 2.0**15
GROWTH_STEPS = 2000


def dtype_policy(precision: str) -> keras.DTypePolicy:
    """What a precision means for a model's layers where it runs.

    Without a GPU `mixed_bfloat16` is `BFloat16Products`; else it is Keras's policy of that name.
    """
    if precision == "mixed_bfloat16" and not tf.config.list_logical_devices("GPU"):
        return BFloat16Products()
    return keras.DTypePolicy(precision)


class LossScale:
    """What the loss is multiplied by before, and the gradients divided by after differentiation.

    Only `mixed_float16` needs one. It is a power of two: doubled after 2000 finite steps in a row,
    halved whenever a gradient is not finite; such a step is skipped (Micikevicius et al. 2018).
    """

    def __init__(self, precision: str):
        """Creates its variables: call it in the distribution's scope."""
        self.dynamic = precision == "mixed_float16"
        initial = INITIAL_SCALE if self.dynamic else 1.0
        self.value = keras.Variable(initial, trainable=False, dtype="float32", name="loss_scale")
        self.finite_steps = keras.Variable(0, trainable=False, dtype="int32", name="finite_steps")
        self.skipped_steps = keras.Variable(0, trainable=False, dtype="int32", name="skipped_steps")

    @property
    def variables(self) -> list[keras.Variable]:
        return [self.value, self.finite_steps, self.skipped_steps]

    @property
    def shown(self) -> dict[str, keras.Variable]:
        """`loss_scale` and `skipped_steps` so far; nothing if there is no scale."""
        if not self.dynamic:
            return {}
        return {"loss_scale": self.value, "skipped_steps": self.skipped_steps}

    def facts(self) -> dict[str, float]:
        """What is `shown`, on the host."""
        return {name: keras.ops.convert_to_numpy(v).item() for name, v in self.shown.items()}

    def after_step(self, finite: tf.Tensor) -> None:
        """Adjust to whether the step's gradients were finite (bool scalar)."""
        if not self.dynamic:
            return
        in_a_row = tf.where(finite, self.finite_steps.value + 1, 0)
        grow = in_a_row >= GROWTH_STEPS
        factor = tf.where(finite, tf.where(grow, 2.0, 1.0), 0.5)
        self.value.assign(tf.maximum(self.value.value * factor, 1.0))
        self.finite_steps.assign(tf.where(grow, 0, in_a_row))
        self.skipped_steps.assign_add(tf.cast(tf.logical_not(finite), tf.int32))
