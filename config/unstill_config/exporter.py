"""The figures that a process tells by `metrics`, kept for Prometheus. All there are stand in one table."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics

from unstill_config import metrics

PREFIX: Final = "unstill_"
SHORT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LONG: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Figure(NamedTuple):
    """A figure's kind, what it is, the names of its labels, and of a histogram the ends of its buckets."""

    kind: Literal["count", "observe"]
    told: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


FIGURES: Final[dict[str, Figure]] = {
    "background_tasks_failed": Figure("count", "Tasks in the background that ended in an error."),
    "engine_children_ended": Figure("count", "Processes with a model that ended, however they did.", ("model",)),
    "event_loop_lag_seconds": Figure("observe", "How late the event loop was.", buckets=SHORT),
    "ffmpeg_killed": Figure("count", "ffmpeg processes that were killed."),
    "model_load_seconds": Figure("observe", "How long a model took to load.", ("model",), LONG),
    "pictures_refused": Figure("count", "Pictures that were refused, by the code of the reason.", ("code",)),
    "platform_floods": Figure("count", "Calls that a platform refused as too many.", ("platform",)),
    "server_attempts_failed": Figure("count", "Commands that the queue's server did not answer.", ("trouble",)),
}


class PrometheusMetrics:
    """Keeps the figures of FIGURES in `registry`, beside what the system says of this process."""

    def __init__(self) -> None:
        # a second line for each counter, which says nothing of what was counted
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._counters = {
            name: Counter(PREFIX + name, one.told, one.labels, registry=self.registry)
            for name, one in FIGURES.items()
            if one.kind == "count"
        }
        self._histograms = {
            name: Histogram(PREFIX + name, one.told, one.labels, registry=self.registry, buckets=one.buckets)
            for name, one in FIGURES.items()
            if one.kind == "observe"
        }

    def count(self, name: str, amount: float, labels: dict[str, str]) -> None:
        if known := self._counters.get(name):
            (known.labels(**labels) if labels else known).inc(amount)

    def observe(self, name: str, value: float, labels: dict[str, str]) -> None:
        if known := self._histograms.get(name):
            (known.labels(**labels) if labels else known).observe(value)


def export() -> PrometheusMetrics:
    """Have this process's figures kept from now on."""
    kept = PrometheusMetrics()
    metrics.use(kept)
    return kept
