"""What a precision means for layers, with and without a GPU."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf

from model.product_policy import BFloat16Products
from trainer.training.precision import PRECISIONS, dtype_policy


@pytest.mark.parametrize("devices", [[], ["/GPU:0"]])
def test_only_without_a_gpu_mixed_bfloat16_is_for_products_alone(monkeypatch, devices):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: devices)
    found = {precision: dtype_policy(precision) for precision in PRECISIONS}
    keras_own = {precision: keras.DTypePolicy(precision) for precision in PRECISIONS}
    expected = keras_own if devices else {**keras_own, "mixed_bfloat16": BFloat16Products()}
    assert found == expected
