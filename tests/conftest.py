"""What the tests share: a real server, a real folder, a tiny model, and the order in which they begin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import redis
from filelock import FileLock
from tests.running_order import rank

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: rank(item.path))


@pytest.fixture(scope="session")
def tiny_i2vgen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny random I2VGen-XL, which nobody writes into: one for all processes of the run."""
    # xdist gives each of its processes a folder in the run's
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tiny-i2vgen"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            from tests.engine.i2vgen_tiny import save_tiny  # torch, for those alone who need it

            # by another name until it is whole
            save_tiny(folder.with_suffix(".part")).rename(folder)
    return folder


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
