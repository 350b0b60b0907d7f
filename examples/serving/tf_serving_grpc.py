"""Ask TensorFlow Serving over gRPC what a text means."""

import sys

import grpc
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub


def main(text: str, address: str = "127.0.0.1:8500") -> None:
    """Print intent and entities."""
    request = PredictRequest()
    request.model_spec.name = "diet"
    request.model_spec.signature_name = "serving_default"
    request.inputs["text"].CopyFrom(tf.make_tensor_proto([text]))
    with grpc.insecure_channel(address) as channel:
        outputs = PredictionServiceStub(channel).Predict(request, timeout=30).outputs
    answer = {name: tf.make_ndarray(tensor)[0] for name, tensor in outputs.items()}
    print(answer["intent_names"][0].decode(), answer["intent_confidences"][0])
    for index in range(answer.get("entity_counts", 0)):
        start, end = answer["entity_starts"][index], answer["entity_ends"][index]
        value = answer["entity_values"][index].decode()
        print(answer["entity_types"][index].decode(), value, start, end)


if __name__ == "__main__":
    main(*sys.argv[1:])
