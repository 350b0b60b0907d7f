"""The BILOU tagging scheme: begin, inside, last, outside, unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from data_pipeline.rasa_files.training_items import Token

OUTSIDE = "O"
BEGIN, INSIDE, LAST, UNIT = "B-", "I-", "L-", "U-"
PREFIXES = (BEGIN, INSIDE, LAST, UNIT)

Span = tuple[int, int, str]
"""Start and end in characters, and the tag."""


def prefix_of(tag: str) -> str | None:
    """The BILOU prefix of a tag, if it has one."""
    return tag[:2] if tag[:2] in PREFIXES else None


def without_prefix(tag: str) -> str:
    """The tag without its BILOU prefix."""
    return tag[2:] if tag[:2] in PREFIXES else tag


def bilou_tags(tokens: Sequence[Token], spans: Iterable[Span]) -> list[str]:
    """One tag per token (`bilou_utils.bilou_tags_from_offsets`).

    A span must begin and end with a token, or it is ignored. Later spans overwrite earlier ones.
    """
    tags = [OUTSIDE] * len(tokens)
    starts = {token.start: index for index, token in enumerate(tokens)}
    ends = {token.end: index for index, token in enumerate(tokens)}
    for start, end, tag in spans:
        if start in starts and end in ends:
            _write_span(tags, starts[start], ends[end], tag)
    return tags


def make_bilou_consistent(
    tags: Sequence[str], confidences: Sequence[float]
) -> tuple[list[str], list[float]]:
    """Repairs predicted tags, so that every `B-` is closed and its span has one tag.

    Mirrors `bilou_utils.ensure_consistent_bilou_tagging`: a `B-` is believed; its span goes on over
    `I-*` to the first `L-*`. If the tags in it differ, the one with the best harmonic mean of mean
    confidence and share of tokens is used, and tokens that change get that score as confidence.
    `I-` and `L-` without `B-` stay.

    The mixed case depends on the confidences, and Rasa's are those of a back-trace with an error
    (spec Q9); what arrives here is the model's matter.
    """
    repaired, scores = list(tags), list(confidences)
    for start, first in enumerate(tags):
        if prefix_of(first) != BEGIN:
            continue
        end = _end_of_span(repaired, start)
        plain = [without_prefix(tag) for tag in repaired[start:end]]
        tag = plain[0]
        if any(other != tag for other in plain):
            tag, score = _best_tag(plain, scores[start:end])
            for index, old in enumerate(plain, start=start):
                scores[index] = scores[index] if old == tag else round(score, 2)
        _write_span(repaired, start, end - 1, tag)
    return repaired, scores


def _write_span(tags: list[str], first: int, last: int, tag: str) -> None:
    if first == last:
        tags[first] = UNIT + tag
        return
    tags[first] = BEGIN + tag
    for index in range(first + 1, last):
        tags[index] = INSIDE + tag
    tags[last] = LAST + tag


def _end_of_span(tags: Sequence[str], start: int) -> int:
    """One behind the last token of the span that begins at `start`."""
    end = start + 1
    while end < len(tags) and prefix_of(tags[end]) == INSIDE:
        end += 1
    if end < len(tags) and prefix_of(tags[end]) == LAST:
        end += 1
    return end


def _best_tag(tags: Sequence[str], confidences: Sequence[float]) -> tuple[str, float]:
    by_tag: dict[str, list[float]] = defaultdict(list)
    for tag, confidence in zip(tags, confidences, strict=True):
        by_tag[tag].append(confidence)
    scores: dict[str, float] = {}
    for tag, values in by_tag.items():
        mean = round(sum(values) / len(values), 2)
        share = round(len(values) / len(tags), 2)
        scores[tag] = 2 * mean * share / (mean + share)
    best = max(scores, key=scores.__getitem__)
    return best, scores[best]
