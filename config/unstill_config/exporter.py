"""Keeps for Prometheus what a process counts and measures by `metrics`. All metrics stand in one table."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics

from unstill_config import metrics

PREFIX: Final = "unstill_"
SHORT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LONG: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Metric(NamedTuple):
    """Describes a metric. `labels` are names, `buckets` the upper ends of a histogram's, in the unit of its name."""

    kind: Literal["count", "observe"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


METRICS: Final[dict[str, Metric]] = {
    "background_tasks_failed": Metric("count", "Tasks in the background that ended in an error."),
    "engine_children_ended": Metric("count", "Processes with a model that ended, however they did.", ("model",)),
    "event_loop_lag_seconds": Metric("observe", "How late the event loop was.", buckets=SHORT),
    "ffmpeg_killed": Metric("count", "ffmpeg processes that were killed."),
    "model_load_seconds": Metric("observe", "How long a model took to load.", ("model",), LONG),
    "pictures_refused": Metric("count", "Pictures that were refused, by the code of the reason.", ("code",)),
    "platform_floods": Metric("count", "Calls that a platform refused as too many.", ("platform",)),
    "prompt_seconds": Metric("observe", "How long a clip waited for its prompt to be written.", buckets=LONG),
    "prompts": Metric("count", "Prompts that a language model was to write, by what came of it.", ("result",)),
    "server_attempts_failed": Metric("count", "Commands that the queue's server did not answer.", ("trouble",)),
}


class PrometheusMetrics:
    """Keeps METRICS in `registry`, beside what the system says of this process."""

    def __init__(self) -> None:
        # a second line for each counter, which says nothing of what was counted
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._counters = {
            name: Counter(PREFIX + name, one.help, one.labels, registry=self.registry)
            for name, one in METRICS.items()
            if one.kind == "count"
        }
        self._histograms = {
            name: Histogram(PREFIX + name, one.help, one.labels, registry=self.registry, buckets=one.buckets)
            for name, one in METRICS.items()
            if one.kind == "observe"
        }

    def count(self, name: str, amount: float, labels: dict[str, str]) -> None:
        if known := self._counters.get(name):
            (known.labels(**labels) if labels else known).inc(amount)

    def observe(self, name: str, value: float, labels: dict[str, str]) -> None:
        if known := self._histograms.get(name):
            (known.labels(**labels) if labels else known).observe(value)


def export() -> PrometheusMetrics:
    """Keep this process's metrics from now on, and return where."""
    kept = PrometheusMetrics()
    metrics.use(kept)
    return kept
