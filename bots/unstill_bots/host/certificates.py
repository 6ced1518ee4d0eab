"""When the certificates end by which the engines sign clips."""

from __future__ import annotations

from datetime import UTC, datetime

from unstill_config.marks import SOON_DAYS
from unstill_queue.contract.codec import decode_or
from unstill_queue.contract.jobs import EngineInfo
from unstill_queue.ledger.ledger import Ledger


async def first_end(ledger: Ledger) -> datetime | None:
    """Return when the first certificate of the engines that run ends; None, none of them has one. Raises RedisError."""
    engines = {name: info for serving in (await ledger.engines()).values() for name, info in serving}
    unknown = EngineInfo("", "", "", "", 0)
    ends = [until for info in engines.values() if (until := decode_or(info, EngineInfo, unknown).signs_until)]
    return datetime.fromtimestamp(min(ends), UTC) if ends else None


def is_soon(end: datetime) -> bool:
    """Return whether a certificate that ends then has to be replaced now."""
    return (end - datetime.now(UTC)).days < SOON_DAYS
