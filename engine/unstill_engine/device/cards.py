"""Which NVIDIA cards this process may use, without CUDA: a parent that had touched it could not be killed lightly."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from unstill_config.children import child_environ

ASK_WITHIN = 10.0
"""Seconds that the driver's program gets to answer."""
MIB = 2**20
_DRIVER = Path("/proc/driver/nvidia/gpus")


def visible_devices(environ: Mapping[str, str], driver: Path = _DRIVER) -> list[str]:
    """'cuda:0' and so on, one for each card that CUDA would show to a process with that environment; none without one.

    CUDA_VISIBLE_DEVICES decides where it is set, as CUDA reads it: what follows the first name that
    is none of the machine's cards is not there. Else all cards of the machine.
    """
    cards = _cards(environ, driver)
    chosen = environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return [f"cuda:{number}" for number in range(len(cards))]
    count = 0
    for name in filter(None, (name.strip() for name in chosen.split(","))):
        if not _is_one(name, cards):
            break
        count += 1
    return [f"cuda:{number}" for number in range(count)]


def card_of(device: str, environ: Mapping[str, str]) -> str | None:
    """Return the name by which the driver's program knows a device such as "cuda:1"; None for one that is no card."""
    kind, _, number = device.partition(":")
    if kind != "cuda" or not (number or "0").isdecimal():
        return None
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return number or "0"
    names = [name.strip() for name in visible.split(",") if name.strip()]
    return names[int(number or 0)] if int(number or 0) < len(names) else None


def card_bytes(device: str, environ: Mapping[str, str]) -> int | None:
    """Return the bytes that the card `device` has in all, or a slice of a card (MIG); None where nobody says it."""
    name = card_of(device, environ)
    if name is None:
        return None
    if name.startswith("MIG-"):
        slices = re.findall(r"MIG \S*?\.(\d+)gb.*\(UUID: (\S+)\)", ask_driver(environ, "-L") or "")
        return next((int(size) * 10**9 for size, id in slices if id == name), None)
    told = ask_driver(environ, "--query-gpu=uuid,memory.total", "--format=csv,noheader,nounits") or ""
    cards = re.findall(r"^(\S+), (\d+)$", told, re.MULTILINE)
    found = [
        int(size) * MIB
        for index, (id, size) in enumerate(cards)
        if (name == str(index) if name.isdecimal() else id.startswith(name))
    ]
    return found[0] if found else None


def _is_one(name: str, cards: list[str]) -> bool:
    if name.lstrip("-").isdecimal():
        return 0 <= int(name) < len(cards)
    # a part of the card's id will do, and a slice of one is on some card
    return name.startswith("MIG-") or any(card.startswith(name) for card in cards)


def _cards(environ: Mapping[str, str], driver: Path) -> list[str]:
    """The machine's cards in their order, by their ids where they are told."""
    listed = ask_driver(environ, "-L")
    if listed is None:
        return [path.name for path in sorted(driver.iterdir())] if driver.is_dir() else []
    return re.findall(r"^GPU \d+: .*\(UUID: (\S+)\)", listed, re.MULTILINE)


def ask_driver(environ: Mapping[str, str], *what: str) -> str | None:
    """Return what nvidia-smi says to these arguments; None where there is none, or it fails."""
    try:
        return subprocess.run(  # noqa: S603
            ["nvidia-smi", *what],  # noqa: S607  # the driver's own, wherever it was installed
            stdin=subprocess.DEVNULL,
            env=child_environ("nvidia-smi", environ),
            capture_output=True,
            text=True,
            timeout=ASK_WITHIN,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
