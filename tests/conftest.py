"""What the tests share: a real server and a real folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import redis

from unstill_config.settings import Storage as StorageSettings
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

# how long an example takes, or takes to be made up, says something of the machine alone
hypothesis.settings.register_profile(
    "any machine",
    hypothesis.settings.default,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def valkey(valkey_server: EmbeddedValkey) -> EmbeddedValkey:
    """A server that is empty, and running even if the last test killed it."""
    valkey_server.start()
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
        client.script_flush()
    return valkey_server


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.open(StorageSettings(url=f"file://{tmp_path / 'storage'}"))
