"""Outcomes that the ledger files by itself, when no engine or front end did."""

from __future__ import annotations

from unstill_queue.contract.jobs import Failed

ENGINE_LOST = Failed("engine_lost", "The engine stopped three times while it worked on this. Try again later.")
EXPIRED = Failed("expired", "No engine was free for a day. Try again later.")
INTAKE_FAILED = Failed("intake_failed", "The request could not be read. Send it again.")
