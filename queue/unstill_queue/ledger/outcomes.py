"""Outcomes that the ledger files by itself, when no engine or front end did."""

from __future__ import annotations

from unstill_queue.contract.jobs import Failed

EXPIRED = Failed("expired")
INTAKE_FAILED = Failed("intake_failed")


def engine_lost(tries: int) -> Failed:
    """Return the answer of a job that lost its engine at each of its tries."""
    return Failed("engine_lost", details={"tries": str(tries)})
