"""What an engine finds of what it needs, for `unstill doctor`."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from unstill_config.catalog import Catalog
from unstill_config.children import child_environ
from unstill_config.errors import ConfigError
from unstill_config.marks import SOON_DAYS
from unstill_config.settings import AUTO, Settings
from unstill_engine.choice import chosen
from unstill_engine.clip.binary import find_ffmpeg
from unstill_engine.clip.credentials import load_signer
from unstill_engine.clip.errors import ClipError
from unstill_engine.device.cards import visible_devices
from unstill_engine.fleet import ALL
from unstill_engine.host_memory import HostMemory, host_memory, why_too_little
from unstill_engine.licence import why_not_accepted
from unstill_engine.presence import why_not_fetched, why_not_installed
from unstill_engine.worker import workdir as scratch

SCRATCH_BYTES = 2_000_000_000
"""Raw frames of the longest camera clip at its largest, and a neighbour's."""

NVIDIA_SECONDS = 10.0

Finding = dict[str, str | bool]


async def findings(settings: Settings, catalog: Catalog) -> list[Finding]:
    """One entry a thing that was looked at: name, ok, what was found, and how to mend it where it is not well."""
    return [
        await _ffmpeg(settings),
        _scratch(settings),
        await _device(settings),
        *_models(settings, catalog),
        *_certificate(settings),
    ]


def _finding(name: str, ok: bool, text: str, mend: str = "") -> Finding:
    return {"name": name, "ok": ok, "text": text, "mend": "" if ok else mend}


async def _ffmpeg(settings: Settings) -> Finding:
    try:
        ffmpeg = await find_ffmpeg(settings.engine.ffmpeg)
    except ClipError as error:
        return _finding("ffmpeg", False, str(error), "Install ffmpeg 5.1 or newer with libx264 and aac.")
    return _finding("ffmpeg", True, f"{ffmpeg.version} with libx264 and aac at {ffmpeg.path}")


def _scratch(settings: Settings) -> Finding:
    folder = settings.engine.scratch or Path(tempfile.gettempdir())
    if wrong := scratch.trouble(settings.engine.scratch):
        happened, _, mend = wrong.partition(". ")
        return _finding("scratch", False, f"{happened}.", mend)
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB free in {folder}"
    return _finding("scratch", free >= SCRATCH_BYTES, text, "Free some space, or set UNSTILL_ENGINE__SCRATCH.")


async def _device(settings: Settings) -> Finding:
    device = settings.engine.device
    if device == "cpu":
        return _finding("device", True, "cpu")
    query = ["nvidia-smi", "--query-gpu=name,memory.free,memory.total", "--format=csv,noheader"]
    mend = "Install the card's driver, or set UNSTILL_ENGINE__DEVICE=cpu."
    try:
        process = await asyncio.create_subprocess_exec(
            *query,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env=child_environ("nvidia-smi"),
        )
    except OSError:
        return _finding("device", False, f"{device}: no card answers", mend)
    try:
        async with asyncio.timeout(NVIDIA_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return _finding("device", False, f"{device}: no card answers", mend)
    if process.returncode:
        # its complaints come on stdout
        return _finding("device", False, f"{device}: {output.decode().strip()[:200] or 'no card answers'}", mend)
    cards = output.decode().strip().splitlines()
    if device == ALL:
        count = len(visible_devices(os.environ))
        return _finding("device", count > 0, f"{count} of {len(cards)} cards: {'; '.join(cards)}", mend)
    index = int(device.partition(":")[2] or 0)
    if index >= len(cards):
        return _finding("device", False, f"{device}: there are {len(cards)} cards", mend)
    return _finding("device", True, f"{device}: {cards[index]}")


def _wrong(name: str, error: ConfigError) -> Finding:
    happened, _, mend = str(error).rpartition(". ")
    return _finding(name, False, f"{happened}.", mend)


def _certificate(settings: Settings) -> list[Finding]:
    """One finding where the host signs clips: whether that can be done, and for how long yet."""
    try:
        signer = load_signer(settings.credentials)
    except ConfigError as error:
        return [_wrong("certificate", error)]
    if signer is None:
        return []
    days = (signer.until - datetime.now(UTC)).days
    text = f"{settings.credentials.certificate} is valid until {signer.until:%Y-%m-%d}"
    return [_finding("certificate", days >= SOON_DAYS, text, f"Set a new one within {days} days.")]


def _models(settings: Settings, catalog: Catalog) -> list[Finding]:
    """One finding a model that is served; where AUTO chooses, with what it takes and why."""
    engines = max(1, len(visible_devices(os.environ))) if settings.engine.device == ALL else 1
    try:
        choice = chosen(settings, catalog, os.environ, engines)
    except ConfigError as error:
        return [_wrong("model", error)]
    memory = host_memory(engines)
    auto = choice.models[settings.engine.wanted.index(AUTO)] if choice.why else None
    return [_model(name, settings, catalog, memory, choice.why if name == auto else "") for name in choice.models]


def _model(name: str, settings: Settings, catalog: Catalog, memory: HostMemory | None, why: str) -> Finding:
    if name not in catalog.models:
        setting = "UNSTILL_ENGINE__MODELS" if settings.engine.models else "UNSTILL_ENGINE__MODEL"
        return _finding("model", False, name, f"Set {setting} to {AUTO}, or to one of {', '.join(catalog.models)}.")
    model = catalog.models[name].using(settings.engine.memory)
    why_not = (
        why_not_accepted(settings, catalog, name)
        or why_too_little(name, catalog, memory)
        or why_not_installed(name, catalog)
    )
    if why_not is not None:
        happened, _, mend = why_not.partition(". ")
        return _finding("model", False, f"{happened}.", mend)
    low = ""
    if model.memory is not None and model.memory.mode == "low":
        low = f", within {model.memory.low:g} GiB: slower, and no larger than {min(model.resolutions)} px"
    fetched = "" if why_not_fetched(name, catalog) is None else ", whose weights are fetched once at its start"
    return _finding("model", True, f"{name} ({model.licence.name}){low}{fetched}{f': {why}' if why else ''}")
