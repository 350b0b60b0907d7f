"""Ask TensorFlow Serving over REST what a text means."""

import json
import sys
import urllib.request


def main(text: str, url: str = "http://127.0.0.1:8501/v1/models/diet") -> None:
    """Print intent and entities."""
    # In columns ("inputs"): rows ("instances") would need lists of equal lengths in the answer.
    question = json.dumps({"signature_name": "serving_default", "inputs": {"text": [text]}})
    with urllib.request.urlopen(f"{url}:predict", question.encode(), timeout=30) as response:
        answer = json.load(response)["outputs"]
    print(answer["intent_names"][0][0], answer["intent_confidences"][0][0])
    for index in range(answer.get("entity_counts", [0])[0]):
        start, end = answer["entity_starts"][0][index], answer["entity_ends"][0][index]
        print(answer["entity_types"][0][index], answer["entity_values"][0][index], start, end)


if __name__ == "__main__":
    main(*sys.argv[1:])
