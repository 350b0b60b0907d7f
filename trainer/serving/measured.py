"""What Prometheus is told of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trainer.serving.newest_model import NewestModel

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
QUESTIONS = (1, 2, 4, 8, 16, 32, 64, 128)


class Measured:
    """The figures of one server: requests, batches, what waits, which model answers, memory."""

    def __init__(self, newest: NewestModel) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "serve_requests",
            "Requests answered, by path and status.",
            ("path", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "serve_request_seconds",
            "From the head of a request to the end of its answer.",
            ("path",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.batches = Histogram(
            "serve_batch_questions",
            "Questions that were answered as one batch; kind: messages or dialogues.",
            ("kind",),
            buckets=QUESTIONS,
            registry=self.registry,
        )
        self._newest = newest
        self._waiting: dict[str, Callable[[], int]] = {}
        ProcessCollector(registry=self.registry)
        self.registry.register(_Looked(self._looked))

    def watch_waiting(self, kind: str, waiting: Callable[[], int]) -> None:
        """Have `waiting` asked how many questions of this kind wait."""
        self._waiting[kind] = waiting

    def _looked(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "serve_waiting_questions", "Questions that no batch has taken yet.", labels=("kind",)
        )
        for kind, count in self._waiting.items():
            waiting.add_metric((kind,), count())
        reloads = CounterMetricFamily(
            "serve_reloads", "Newer versions of the model, by outcome.", labels=("outcome",)
        )
        reloads.add_metric(("loaded",), self._newest.reloads)
        reloads.add_metric(("failed",), self._newest.failed_reloads)
        steps = GaugeMetricFamily(
            "serve_model_step", "Finished training steps of a model.", labels=("model",)
        )
        for name, facts in self._newest.current.models.items():
            steps.add_metric((name,), facts["step"])
        since = GaugeMetricFamily(
            "serve_model_loaded_timestamp_seconds",
            "Since when the model answers.",
            value=self._newest.loaded_at,
        )
        yield from (waiting, reloads, steps, since)


class _Looked(Collector):
    """Figures that are looked up when they are asked for."""

    def __init__(self, look: Callable[[], Iterator[Metric]]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        return self._look()

    def describe(self) -> list[Metric]:
        return []
