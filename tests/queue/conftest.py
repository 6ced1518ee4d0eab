"""One server for the tests that ask what the scripts do, not what survives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unstill_queue.redis.embedded import EmbeddedValkey


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that does not wait for the disk: for many thousand steps of law."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey"), options={"appendfsync": "no"}) as valkey:
        yield valkey.url
