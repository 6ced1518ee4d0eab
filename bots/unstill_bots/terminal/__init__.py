"""Unstill in a terminal: `unstill`."""

from __future__ import annotations

from unstill_bots.terminal.commands import main

__all__ = ["main"]
