"""Messages that say their intent themselves, as `/greet`: no model is asked for them."""

from __future__ import annotations

import json
import re
from typing import Any

# `/intent@0.9{"entity": "value"}`: what Rasa calls a message with an intent trigger prefix.
DIRECT_INTENT = re.compile(r"^/(?P<intent>[^{@]+)(@(?P<confidence>[0-9.]+))?(?P<entities>\{.+)?$")


def direct_intent(text: str) -> dict[str, Any] | None:
    """The answer to `/intent@0.9{"entity": "value"}`, which no model is asked for; else None."""
    match = DIRECT_INTENT.match(text.strip())
    if match is None:
        return None
    try:
        given = json.loads(match["entities"] or "{}")
        confidence = float(match["confidence"] or 1.0)
    except ValueError:
        return None
    values = [(k, v) for k, vs in given.items() for v in (vs if isinstance(vs, list) else [vs])]
    start = match.start("entities") if match["entities"] else 0
    intent = {"name": match["intent"].strip(), "confidence": confidence}
    return {
        "text": text,
        "intent": intent,
        "entities": [
            {"entity": name, "start": start, "end": len(text), "value": value}
            for name, value in values
        ],
        "text_tokens": [],
        "intent_ranking": [intent],
    }
