"""Finds how much of the machine's memory this process may have: all, or less by the limit of its container."""

from __future__ import annotations

from pathlib import Path

import msgspec

from unstill_config.catalog import Catalog

GIB = 2**30
_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


class HostMemory(msgspec.Struct, frozen=True):
    """`size` in bytes; `limited`: a control group sets it, as a container or a service of systemd has one.

    `engines` share it, each with as much.
    """

    size: int
    limited: bool = False
    engines: int = 1


def host_memory(engines: int = 1, *, proc: Path = _PROC, cgroups: Path = _CGROUPS) -> HostMemory | None:
    """Return what so many processes may have together, swap apart; None where the system does not tell."""
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        total = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None
    limits = [limit for limit in _limits(proc, cgroups) if limit < total]
    return HostMemory(min([*limits, total]), bool(limits), engines)


def why_too_little(name: str, catalog: Catalog, memory: HostMemory | None) -> str | None:
    """Return why a model is not loaded here, and what to do, in a sentence each; None where it may be."""
    needed = catalog.models[name].host_memory
    if memory is None or memory.size >= needed * GIB * memory.engines:
        return None
    whose, mend = "this machine has", "Use a larger machine, or another model"
    if memory.limited:
        whose = "the limit of this container or service is"
        mend = "Raise it (ENGINE_GPU_MEMORY for docker compose), or use another model"
    has = f"{memory.size / GIB:.1f} GiB{f' for {memory.engines} engines' if memory.engines > 1 else ''}"
    return f"{name} needs {needed:g} GiB of the machine's memory, and {whose} {has}. {mend}."


def _limits(proc: Path, cgroups: Path) -> list[int]:
    """The limits of our control group and of those around it, in both versions of them."""
    try:
        rows = [row.split(":", 2) for row in (proc / "self" / "cgroup").read_text().splitlines()]
    except OSError:
        return []
    found = []
    for row in rows:
        if len(row) != 3 or not (row[1] == "" or "memory" in row[1].split(",")):
            continue
        root, file = (cgroups, "memory.max") if row[1] == "" else (cgroups / "memory", "memory.limit_in_bytes")
        group = root / row[2].lstrip("/")
        # within a container of its own namespace the path is that of the host, and nothing stands there
        for folder in {group, *(one for one in group.parents if one == root or root in one.parents), root}:
            try:
                text = (folder / file).read_text().strip()
            except OSError:
                continue
            if text.isdecimal():
                found.append(int(text))
    return found
