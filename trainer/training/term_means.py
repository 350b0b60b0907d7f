"""From sums over examples to the figures that are shown."""

from __future__ import annotations

import math
from collections.abc import Mapping


def term_means(sums: Mapping[str, float]) -> dict[str, float]:
    """`total / weight` of every term whose sums are given, and their sum as `loss`.

    >>> term_means({"loss/intent/total": 6.0, "loss/intent/weight": 3.0})
    {'loss/intent': 2.0, 'loss': 2.0}
    """
    names = [name.removesuffix("/weight") for name in sums if name.endswith("/weight")]
    means = {name: sums[f"{name}/total"] / max(sums[f"{name}/weight"], 1e-9) for name in names}
    means["loss"] = math.fsum(value for name, value in means.items() if name.startswith("loss/"))
    return means
