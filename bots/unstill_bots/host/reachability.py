"""Knows whether the platforms that this process serves answer it, as each front end says of its own."""

from __future__ import annotations

from collections.abc import Callable

_refuses: dict[str, Callable[[], bool]] = {}


def lost(platform: str) -> None:
    """Note that a platform refused, or did not answer, what every front end needs: the login, or updates."""
    _refuses[platform] = lambda: True


def found(platform: str) -> None:
    """Note that it answers."""
    _refuses[platform] = lambda: False


def ask(platform: str, refuses: Callable[[], bool]) -> None:
    """Ask `refuses` from now on whether a platform refuses, as where there is a connection to look at."""
    _refuses[platform] = refuses


def refusing() -> dict[str, bool]:
    """Return, by each platform that this process has asked for something, whether it refuses now."""
    return {platform: refuses() for platform, refuses in _refuses.items()}
