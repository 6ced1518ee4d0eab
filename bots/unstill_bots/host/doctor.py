"""What keeps this machine from making clips: one finding a thing, each with its mend."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from redis.exceptions import RedisError

from unstill_bots.host.certificates import first_end, is_soon
from unstill_bots.host.disks import DISK_BYTES, free_room
from unstill_bots.host.findings import Finding
from unstill_bots.host.local import engine_environ
from unstill_bots.host.prompt_findings import prompt_findings
from unstill_bots.safety.findings import safety_findings
from unstill_bots.terminal.recipe_caption import printable
from unstill_bots.terminal.wording import Wording
from unstill_config.children import child_environ
from unstill_config.platforms import BotSettings
from unstill_config.settings import Settings
from unstill_queue.contract.errors import QueueError
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect, server_check, where
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.trouble import happened_and_mend
from unstill_queue.storage.base import Storage

OLDEST_PYTHON = (3, 11)
MEMORY_BYTES = 1_000_000_000
ENGINE_WITHIN = 60.0
UNREADABLE_SHOWN = 5


async def findings(settings: Settings, wording: Wording) -> AsyncIterator[Finding]:
    """Each as soon as it is known."""
    text = wording.gettext
    python = ".".join(map(str, sys.version_info[:3]))
    old = sys.version_info < OLDEST_PYTHON
    yield Finding("python", not old, python, text("Install Python 3.11 or newer.") if old else "")
    async for finding in _server(settings, wording):
        yield finding
    yield await _storage(settings, wording)
    for finding in _disks(settings, wording):
        yield finding
    if (free := _memory()) is not None:
        yield _room("memory", free, MEMORY_BYTES, "", wording)
    for finding in await _engine(settings, wording):
        yield finding
    for finding in await safety_findings(settings, wording):
        yield finding
    for finding in await prompt_findings(settings, wording):
        yield finding
    for name in settings.platforms():
        yield await _platform(name, settings, wording)


async def _server(settings: Settings, wording: Wording) -> AsyncIterator[Finding]:
    """The one of the settings; without one, ours is started for a moment or joined."""
    if settings.redis.url is not None:
        for finding in await _ask_server(settings, settings.redis.url.get_secret_value(), wording):
            yield finding
        return
    try:
        async with EmbeddedValkey(settings.redis.data) as server:
            for finding in await _ask_server(settings, server.url, wording):
                yield finding
    except QueueError as error:
        yield Finding("server", False, str(error), wording.gettext("Set UNSTILL_REDIS__URL to a Redis or Valkey."))


async def _ask_server(settings: Settings, url: str, wording: Wording) -> list[Finding]:
    redis = connect(url, patience=2.0)
    try:
        info = await redis.info("server")
        faults = await server_check(redis)
        ledger = Ledger(redis, settings.queue)
        unreadable, parked = await ledger.unreadable(), await ledger.parked()
        # of engines elsewhere; the one here looks into its files
        end = None if settings.credentials.certificate else await first_end(ledger)
        # one that may be read and not written to is no queue
        await redis.set("unstill:probe", b"", px=1000)
    except (RedisError, OSError) as error:
        happened, mend = happened_and_mend(error)
        return [Finding("server", False, f"{where(url)}: {happened}.", mend)]
    finally:
        await redis.aclose()
    name = "Valkey" if "valkey_version" in info else "Redis"
    text = f"{name} {info.get('valkey_version') or info.get('redis_version')}, {where(url)}"
    findings = [Finding("server", not faults, text, " ".join(faults))]
    if end is not None:
        told = wording.gettext("The engines sign until {day}", day=f"{end:%Y-%m-%d}")
        mend = wording.gettext("Set a new one, and start the engines again.") if is_soon(end) else ""
        findings.append(Finding("certificate", not mend, told, mend))
    if unreadable:
        findings.append(_unreadable(unreadable, wording))
    if parked:
        lacks = sorted({f"{lane}: {needs}" for lane, needs in parked.values()})
        told = wording.ngettext(
            "{count} job needs what no engine can do that runs", "{count} jobs need what no engine can do that runs",
            len(parked),
        )  # fmt: skip
        mend = wording.gettext("Update the engines, and give them the catalogue of the front ends.")
        findings.append(Finding("engines", False, f"{told} ({'; '.join(lacks)}).", mend))
    return findings


def _unreadable(records: dict[str, str], wording: Wording) -> Finding:
    shown = [f"{printable(id)} ({printable(wrong)})" for id, wrong in list(records.items())[:UNREADABLE_SHOWN]]
    text = wording.ngettext("{count} record cannot be read", "{count} records cannot be read", len(records))
    mend = wording.gettext("Look for the cause in the log; `unstill queue --forget-unreadable` deletes them.")
    return Finding("records", False, f"{text}: {', '.join(shown)}.", mend)


async def _storage(settings: Settings, wording: Wording) -> Finding:
    try:
        await Storage.open(settings.storage).check()
    except QueueError as error:
        return Finding("storage", False, str(error), wording.gettext("Check UNSTILL_STORAGE__URL."))
    return Finding("storage", True, settings.storage.url)


def _disks(settings: Settings, wording: Wording) -> list[Finding]:
    return [_room("disk", free, DISK_BYTES, f" {folder}", wording) for folder, free in free_room(settings)]


def _memory() -> int | None:
    """Bytes that can be had without swapping; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(kilobytes[0]) * 1024 if kilobytes else None


def _room(name: str, free: int, least: int, there: str, wording: Wording) -> Finding:
    text = wording.gettext("{size} free", size=wording.size(free)) + there
    mend = wording.gettext("Free some: {size} are needed.", size=wording.size(least))
    return Finding(name, free >= least, text, "" if free >= least else mend)


async def _engine(settings: Settings, wording: Wording) -> list[Finding]:
    """What the engine says of ffmpeg, its encoders, the card and the model, where it is installed."""
    text = wording.gettext
    if importlib.util.find_spec("unstill_engine") is None:
        elsewhere = settings.redis.url is not None
        mend = "" if elsewhere else text("Install unstill-engine, or set UNSTILL_REDIS__URL to a queue that has one.")
        return [Finding("engine", elsewhere, text("not installed here"), mend)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "unstill_engine", "--doctor",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=child_environ("engine", engine_environ(settings), also=settings.engine.variables),
    )  # fmt: skip
    try:
        async with asyncio.timeout(ENGINE_WITHIN):
            out, err = await process.communicate()
        return msgspec.json.decode(out, type=list[Finding])
    except TimeoutError:
        process.kill()
        await process.wait()
        return [Finding("engine", False, text("it does not answer"), text("Run unstill-engine --doctor and look."))]
    except msgspec.DecodeError:
        last = (err.decode("utf-8", "replace").strip().splitlines() or [""])[-1]
        return [Finding("engine", False, last[:300], text("Run unstill-engine --doctor and look."))]


async def _platform(name: str, settings: Settings, wording: Wording) -> Finding:
    """Say what a platform says of its bot; of one that is not asked, whether there is a token."""
    entry = settings.platforms()[name]
    if not isinstance(entry, BotSettings):
        return Finding(name, True, wording.gettext("needs no token"))
    if entry.token is None:
        return Finding(name, True, wording.gettext("no token; needed only for this bot"))
    if not entry.doctor:
        return Finding(name, True, wording.gettext("token set"))
    module, _, function = entry.doctor.partition(":")
    found: Finding = await getattr(importlib.import_module(module), function)(settings, wording)
    return found
