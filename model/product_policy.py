"""A dtype policy under which matrix products, and nothing else, take numbers of 16 bits."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class BFloat16Products(keras.DTypePolicy):
    """float32, but the operands of dense layers' products are rounded to bfloat16.

    This holds for the product of the forward pass and the two of the backward pass, whose sums are
    in float32; what comes out is rounded to bfloat16 once and float32 from there on.

    For processors with instructions for such products (AVX512-BF16, AMX): these take half of the
    time, while passes over elements of 16 bits take longer than over those of 32. That rounds less
    than `mixed_bfloat16`, under which all is of 16 bits, and takes no longer.

    Models keep it when they are saved. A layer that is saved by itself comes back in float32, since
    Keras looks such a policy up by the name of its dtype.

    >>> policy = BFloat16Products()
    >>> policy.compute_dtype, product_dtype(policy), product_dtype(keras.DTypePolicy("float32"))
    ('float32', 'bfloat16', 'float32')
    """

    def __init__(self) -> None:
        super().__init__("float32")

    def get_config(self) -> dict:
        return {}


def product_dtype(policy: keras.DTypePolicy) -> str:
    """What the operands of a dense layer's products are rounded to under this policy."""
    return "bfloat16" if isinstance(policy, BFloat16Products) else policy.compute_dtype
