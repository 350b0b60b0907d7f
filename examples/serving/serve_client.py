"""Ask `python -m trainer serve` what a text means, and what the bot does next."""

import json
import sys
import urllib.request


def ask(url: str, path: str, question: object) -> dict:
    """The server's answer to a question, both JSON."""
    request = urllib.request.Request(f"{url}/{path}", json.dumps(question).encode())
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def main(text: str, url: str = "http://127.0.0.1:5005") -> None:
    """Print intent, entities and the likeliest actions."""
    said = ask(url, "model/parse", {"text": text})
    print(said["intent"])
    for entity in said["entities"]:
        print(entity["entity"], entity["value"], entity["start"], entity["end"])
    dialogue = [
        {"event": "action", "name": "action_listen"},
        {"event": "user", "text": text, "parse_data": said},
    ]
    for score in ask(url, "model/predict", dialogue)["scores"][:3]:
        print(score["action"], score["score"])


if __name__ == "__main__":
    main(*sys.argv[1:])
