"""A card's context is begun while Python imports, and what fails there is nobody's trouble."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from unstill_engine.device.early_context import begin_context


class Driver:
    """CUDA's driver, of a machine with so many cards; it says 0 where it did what it was asked."""

    def __init__(self, cards: int) -> None:
        self.cards = cards
        self.asked: list[tuple[str, int]] = []

    def cuInit(self, flags: int) -> int:
        self.asked.append(("init", flags))
        return 0 if self.cards else 100

    def cuDeviceGet(self, card: Any, index: int) -> int:
        self.asked.append(("get", index))
        card._obj.value = index + 40
        return 0 if index < self.cards else 101

    def cuDevicePrimaryCtxRetain(self, context: Any, card: ctypes.c_int) -> int:
        self.asked.append(("retain", card.value))
        return 0


@pytest.mark.parametrize(
    ("device", "cards", "asked"),
    [
        ("cuda", 1, [("init", 0), ("get", 0), ("retain", 40)]),
        ("cuda:1", 2, [("init", 0), ("get", 1), ("retain", 41)]),
        ("cuda:2", 2, [("init", 0), ("get", 2)]),
        ("cuda:0", 0, [("init", 0)]),
    ],
)
def test_the_context_of_that_card_is_made(
    monkeypatch: pytest.MonkeyPatch, device: str, cards: int, asked: list[tuple[str, int]]
) -> None:
    driver = Driver(cards)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver)
    thread = begin_context(device)
    assert thread is not None
    thread.join()
    assert driver.asked == asked


def test_without_a_card_or_a_driver_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    assert begin_context("cpu") is None
    thread = begin_context("cuda")
    assert thread is not None
    thread.join()
