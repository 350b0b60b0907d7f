"""Digests that were seen: recent and older ones, also where only their second halves differ."""

from __future__ import annotations

import random

import pytest

from data_pipeline.rasa_files import seen_digests
from data_pipeline.rasa_files.seen_digests import DIGEST_BYTES, SeenDigests


@pytest.mark.parametrize("recent", [1, 7, 10_000])
def test_a_digest_is_new_once(monkeypatch, recent):
    monkeypatch.setattr(seen_digests, "RECENT", recent)
    draws = random.Random(0)
    few = [draws.randbytes(DIGEST_BYTES // 2) for _ in range(12)]
    digests = [draws.choice(few) + draws.choice(few) for _ in range(400)]
    seen, known = SeenDigests(), set()
    for digest in digests:
        assert seen.add(digest) == (digest not in known)
        known.add(digest)
