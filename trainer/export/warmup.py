"""Requests that TensorFlow Serving sends to a model before it takes others."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from trainer.signatures.elsewhere import Question

WARMUP_FILE = "tf_serving_warmup_requests"

# Fields of TensorFlow Serving's messages, whose package would come with a TensorFlow of its own.
PREDICT_LOG = 6  # PredictionLog.predict_log
REQUEST = 1  # PredictLog.request
MODEL_SPEC, INPUTS = 1, 2  # PredictRequest.model_spec, .inputs: a map
NAME, SIGNATURE_NAME = 1, 3  # ModelSpec.name, .signature_name
KEY, VALUE = 1, 2  # of an entry of a map


def write_warmup(folder: Path, question: Question) -> None:
    """Write the question as a request: a `PredictionLog` in a TFRecord."""
    spec = _field(NAME, b"model") + _field(SIGNATURE_NAME, question.signature.encode())
    request = _field(MODEL_SPEC, spec)
    for name, array in question.inputs.items():
        tensor = tf.io.serialize_tensor(tf.constant(array)).numpy()
        request += _field(INPUTS, _field(KEY, name.encode()) + _field(VALUE, tensor))
    record = _field(PREDICT_LOG, _field(REQUEST, request))
    with tf.io.TFRecordWriter(str(folder / WARMUP_FILE)) as writer:
        writer.write(record)


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes in protocol buffers' wire format."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
