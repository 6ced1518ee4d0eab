"""An engine's own metrics: what is free, and on which card."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import httpx
import pytest
import structlog
from tests.bots.test_queue_metrics import values_of
from tests.waiting import until

from unstill_config import metrics
from unstill_config.settings import Settings
from unstill_config.telemetry import ENGINES_FROM
from unstill_engine import metrics_server
from unstill_engine.device.cards import card_of
from unstill_engine.metrics_server import Room, serve_metrics


@pytest.mark.parametrize(
    ("device", "visible", "card"),
    [
        ("cpu", None, None),
        ("cuda", None, "0"),
        ("cuda:3", None, "3"),
        ("cuda:1", "2, GPU-abc", "GPU-abc"),
        ("cuda:1", "2", None),
        ("cuda", "", None),
        ("mps", None, None),
    ],
)
def test_a_device_is_the_card_that_the_environment_shows(device: str, visible: str | None, card: str | None) -> None:
    assert card_of(device, {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}) == card


def test_a_card_s_memory_is_what_the_driver_says(tmp_path: Path) -> None:
    # Given the driver's program, which tells of the second card
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\n[ "$1" = --id=1 ] && echo "1024, 143771" || exit 6\n')
    program.chmod(0o700)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def told(device: str) -> dict[str, float]:
        settings = Settings.load({"UNSTILL_ENGINE__DEVICE": device, "UNSTILL_ENGINE__SCRATCH": str(tmp_path)})
        families = Room(settings, environ).collect()
        return {sample.name: sample.value for family in families for sample in family.samples}

    assert told("cuda:1")["unstill_device_memory_used_bytes"] == 1024 * 2**20
    assert told("cuda:1")["unstill_device_memory_bytes"] == 143771 * 2**20
    # of a card that it does not know, and without one, there is only the folder
    for device in ("cuda:0", "cpu"):
        assert told(device).keys() == {"unstill_scratch_free_bytes"}


async def test_the_metrics_are_served_where_the_settings_say_once_the_port_is_free(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(metrics_server, "AGAIN", 0.05)
    before = metrics.use(metrics.NoMetrics())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings.load({"UNSTILL_METRICS__PORT": str(port - ENGINES_FROM)}, tmp_path)
        with structlog.testing.capture_logs() as logs:
            serving = asyncio.create_task(serve_metrics(settings))
            await until(lambda: [one for one in logs if "cannot be served yet" in one["event"]])
        metrics.count("engine_children_ended", model="camera")
    async with httpx.AsyncClient() as http:

        async def there() -> bool:
            try:
                answer = await http.get(f"http://127.0.0.1:{port}/metrics")
            except httpx.TransportError:
                return False
            return values_of(answer.text)["unstill_engine_children_ended_total", ("camera",)] == 1

        await until(there)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    metrics.use(before)
    # and nowhere where they do not
    await asyncio.wait_for(serve_metrics(Settings()), 5)
