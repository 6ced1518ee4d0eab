"""Which ffmpeg: the setting's, then the PATH's, then the one in imageio-ffmpeg."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import msgspec

from unstill_config.children import child_environ
from unstill_config.programs import bundled_ffmpeg
from unstill_engine.clip.errors import ClipError

OLDEST = (5, 1)
NEEDED = frozenset({"libx264", "aac"})
ANSWER_SECONDS = 20.0
MEND = "Install ffmpeg 5.1 or newer with libx264, or name one in UNSTILL_ENGINE__FFMPEG."
_VERSION = re.compile(r"^ffmpeg version (\S+)", re.MULTILINE)
_ENCODER = re.compile(r"^ [VAS]\S{5} (\S+)", re.MULTILINE)


class Ffmpeg(msgspec.Struct, frozen=True):
    """One binary that was run once and can do what is needed. `version` is as it says it itself."""

    path: str
    version: str
    encoders: frozenset[str]


async def find_ffmpeg(setting: Path | None = None) -> Ffmpeg:
    """Return the first ffmpeg that works. A setting that does not work is an error, never passed over in silence.

    Raises:
        ClipError: no_ffmpeg; it says what was wrong with each.
    """
    if setting is not None:
        found = await inspect(str(setting.expanduser()))
        if isinstance(found, Ffmpeg):
            return found
        raise ClipError("no_ffmpeg", f"The ffmpeg of the settings, {setting}, cannot be used: {found}. {MEND}")
    faults: list[str] = []
    for candidate in (shutil.which("ffmpeg"), bundled_ffmpeg()):
        found = await inspect(candidate) if candidate else "none found"
        if isinstance(found, Ffmpeg):
            return found
        faults.append(f"{candidate or 'PATH'}: {found}")
    raise ClipError("no_ffmpeg", f"No ffmpeg can be used ({'; '.join(faults)}). {MEND}")


async def inspect(path: str) -> Ffmpeg | str:
    """Run it once; what is wrong with it, where it cannot be used."""
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            "-encoders",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=child_environ("ffmpeg"),
        )
    except (OSError, ValueError) as error:
        return f"it does not start ({error})"
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            listing, banner = await process.communicate()
    except TimeoutError:
        return "it does not answer"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    version = _VERSION.search(banner.decode("utf-8", "replace"))
    if process.returncode != 0 or version is None:
        return "it is not ffmpeg"
    encoders = frozenset(_ENCODER.findall(listing.decode("utf-8", "replace")))
    if too_old(version[1]):
        return f"its version {version[1]} is older than {OLDEST[0]}.{OLDEST[1]}"
    if missing := NEEDED - encoders:
        return f"it was built without {' and '.join(sorted(missing))}"
    return Ffmpeg(path, version[1], encoders)


def too_old(version: str) -> bool:
    """Snapshots such as N-118448-g1 carry no release number and count as new."""
    release = re.match(r"n?(\d+)\.(\d+)", version)
    return release is not None and (int(release[1]), int(release[2])) < OLDEST
