"""Serves a front end's metrics, at /metrics on a port of its own: no proxy of the page or of a webhook leads to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from unstill_bots.host import queue_metrics
from unstill_bots.host.server import HttpServer
from unstill_config.exporter import PrometheusMetrics
from unstill_config.settings import Storage
from unstill_queue.ledger.ledger import Ledger

log = structlog.get_logger(__name__)

AGAIN = 5.0
FRESH = 1.0
"""Seconds for which an answer is given again, so that who asks without end costs the queue's server little."""
CONNECTIONS = 8


class _Read(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


class MetricsServer:
    """Serves the metrics of `kept` and those of the queue. `ledger` should be on a connection that does not wait."""

    def __init__(self, kept: PrometheusMetrics, ledger: Ledger, storage: Storage, host: str, port: int) -> None:
        self._kept = kept
        self._ledger = ledger
        self._storage = storage
        self._host = host
        self._port = port
        self._one_reads = asyncio.Lock()
        self._body, self._read_at = b"", float("-inf")
        self.port = 0

    async def run(self) -> None:
        """Serve until cancelled. A port that is taken, as by the process that we are to follow, is waited for."""
        told = False
        while True:
            app = web.Application()
            app.router.add_get("/metrics", self._answer, allow_head=False)
            server = HttpServer(app, self._host, self._port, connections=CONNECTIONS)
            try:
                await server.start()
                self.port = server.port
                log.info("serving metrics", host=self._host, port=self.port)
                await asyncio.Event().wait()
            except OSError as error:
                if not told:
                    log.warning(
                        "the metrics cannot be served yet; is UNSTILL_METRICS__PORT taken?",
                        host=self._host, port=self._port, error=error.strerror,
                    )  # fmt: skip
                told = True
            finally:
                await server.stop()
            await asyncio.sleep(AGAIN)

    async def _answer(self, _: web.Request) -> web.Response:
        async with self._one_reads:
            if time.monotonic() - self._read_at > FRESH:
                queue = CollectorRegistry()
                queue.register(_Read(await queue_metrics.read(self._ledger, self._storage)))
                self._body = generate_latest(self._kept.registry) + generate_latest(queue)
                self._read_at = time.monotonic()
        return web.Response(body=self._body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
