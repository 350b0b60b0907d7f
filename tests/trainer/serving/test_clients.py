"""The clients in `examples/serving`, run as they are against servers that answer in earnest.

TensorFlow Serving itself is not a Python package: in its place the exported model answers, behind
the two interfaces that it has (https://www.tensorflow.org/tfx/serving/api_rest, and `Predict` of
`prediction_service.proto`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tensorflow as tf
from web.http_server import answering_posts, served

from data_pipeline.dialogue.domain.events import LISTEN, UserUttered
from trainer.serving.app import make_app
from trainer.serving.limits import Limits

pytestmark = pytest.mark.slow

CLIENTS = Path(__file__).resolve().parents[3] / "examples" / "serving"
TEXT = "fly from Rome to Oslo"


def printed(client: str, address: str, *flags: str) -> list[str]:
    """The lines that a client prints; by `-I` it has Python and what is installed alone."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    path = os.pathsep.join(sys.path[1:]) if not flags else ""
    done = subprocess.run(
        [sys.executable, *flags, str(CLIENTS / client), TEXT, address],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def of_entities(answer: dict) -> list[str]:
    kept = ("entity", "value", "start", "end")
    return [" ".join(str(entity[name]) for name in kept) for entity in answer["entities"]]


def test_of_serve(newest, run):
    with served(make_app(newest, Limits())) as address:
        intent, *others = printed("serve_client.py", address, "-I")
    expected = run.answer(TEXT)
    assert expected["intent"]["name"] in intent
    assert others[:-3] == of_entities(expected)
    actions = run.next_action([LISTEN, UserUttered(expected["intent"]["name"], TEXT)])
    assert {line.split()[0] for line in others[-3:]} <= {a["name"] for a in actions}


@pytest.fixture
def signature(models):
    """What TensorFlow Serving would ask of the exported DIET, by name of the signature."""
    signatures = tf.saved_model.load(str(models / "diet" / "1")).signatures
    return lambda name, inputs: signatures[name](**inputs)


def test_of_tensorflow_serving_over_rest(signature, run):
    def answer(path, question):
        assert path == "/v1/models/diet:predict"
        inputs = {name: tf.constant(value) for name, value in question["inputs"].items()}
        outputs = signature(question["signature_name"], inputs)
        return {"outputs": {name: _plain(tensor.numpy()) for name, tensor in outputs.items()}}

    def _plain(array):
        return array.astype(str).tolist() if array.dtype == object else array.tolist()

    with answering_posts(answer) as address:
        intent, *entities = printed("tf_serving_rest.py", f"{address}/v1/models/diet", "-I")
    expected = run.answer(TEXT)
    assert intent.split()[0] == expected["intent"]["name"]
    assert float(intent.split()[1]) == pytest.approx(expected["intent"]["confidence"], abs=1e-5)
    assert entities == of_entities(expected)


def test_of_tensorflow_serving_over_grpc(signature, run):
    grpc = pytest.importorskip("grpc")
    api = pytest.importorskip("tensorflow_serving.apis.prediction_service_pb2_grpc")
    messages = pytest.importorskip("tensorflow_serving.apis.predict_pb2")

    class Service(api.PredictionServiceServicer):
        def Predict(self, request, context):
            assert request.model_spec.name == "diet"
            inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
            outputs = signature(
                request.model_spec.signature_name,
                {name: tf.constant(array) for name, array in inputs.items()},
            )
            response = messages.PredictResponse()
            for name, tensor in outputs.items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(tensor))
            return response

    server = grpc.server(ThreadPoolExecutor(1))
    api.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    intent, *entities = printed("tf_serving_grpc.py", f"127.0.0.1:{port}")
    server.stop(None)
    expected = run.answer(TEXT)
    assert intent.split()[0] == expected["intent"]["name"]
    assert entities == of_entities(expected)
