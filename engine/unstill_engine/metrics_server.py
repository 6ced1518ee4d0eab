"""Serves an engine's metrics for Prometheus: what its process alone knows. Front ends serve those of the queue."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import structlog
from prometheus_client import start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from unstill_config.exporter import PREFIX, export
from unstill_config.settings import Settings
from unstill_engine.device.cards import MIB, ask_driver, card_of

log = structlog.get_logger(__name__)

AGAIN = 5.0


class Room(Collector):
    """Reads what is free when it is asked: in the folder of half-made clips, and on the engine's card."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._scratch = settings.engine.scratch or Path(tempfile.gettempdir())
        self._card = card_of(settings.engine.device, environ)
        self._environ = environ

    def collect(self) -> Iterator[Metric]:
        try:
            free = shutil.disk_usage(self._scratch).free
            yield GaugeMetricFamily(f"{PREFIX}scratch_free_bytes", "Room for half-made clips.", value=free)
        except OSError:
            pass
        if self._card is not None and (memory := _memory_of(self._card, self._environ)):
            told = "Memory of the engine's card that is used, by whomever."
            yield GaugeMetricFamily(f"{PREFIX}device_memory_used_bytes", told, value=memory[0])
            yield GaugeMetricFamily(f"{PREFIX}device_memory_bytes", "Memory of the engine's card.", value=memory[1])


def _memory_of(card: str, environ: Mapping[str, str]) -> tuple[int, int] | None:
    """Return a card's used bytes and all of them; None where nobody says it."""
    told = ask_driver(environ, f"--id={card}", "--query-gpu=memory.used,memory.total", "--format=csv,noheader,nounits")
    try:
        used, size = (int(part) * MIB for part in (told or "").split(","))
    except ValueError:
        return None
    return used, size


async def serve_metrics(settings: Settings) -> None:
    """Serve this engine's metrics until cancelled, where the settings say so. A port that is taken is waited for."""
    port = settings.metrics.port_of_engine(settings.engine.device)
    if not port:
        return
    kept = export()
    kept.registry.register(Room(settings, os.environ))
    told = False
    while True:
        try:
            server, thread = start_http_server(port, settings.metrics.host, kept.registry)
        except OSError as error:
            if not told:
                log.warning(
                    "the metrics cannot be served yet; is UNSTILL_METRICS__PORT taken?",
                    host=settings.metrics.host, port=port, error=error.strerror,
                )  # fmt: skip
            told = True
            await asyncio.sleep(AGAIN)
            continue
        log.info("serving metrics", host=settings.metrics.host, port=port)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(server.shutdown)
            server.server_close()
            thread.join()
