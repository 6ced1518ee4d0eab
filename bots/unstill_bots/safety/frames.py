"""Frames of a clip, as the rating of pictures takes them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from unstill_bots.safety.rater import FRAME, SIDE
from unstill_config.children import child_environ

FEWEST, MOST, A_SECOND = 8, 32, 4
"""Frames of a clip that are looked at: so many a second, within bounds."""
WITHIN = 120.0
"""Seconds by the clock after which reading a clip counts as hung."""


class FramesUnreadable(Exception):
    """No frames could be read out of a clip. The text is for the operator."""


async def frames_of(clip: Path, duration: float, ffmpeg: str) -> tuple[bytes, int]:
    """Return frames that are spread over a clip of our own, `SIDE` x `SIDE` pixels of three bytes, and their number.

    Raises FramesUnreadable.
    """
    count = max(FEWEST, min(MOST, round(A_SECOND * duration)))
    line = [ffmpeg, "-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe", "-threads", "1", "-i", str(clip)]
    spread = f"fps={count / max(duration, 0.04):.6f}:round=up,scale={SIDE}:{SIDE}:flags=bilinear"
    line += ["-map", "0:v:0", "-vf", spread]
    line += ["-frames:v", str(count), "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"]
    try:
        process = await asyncio.create_subprocess_exec(
            *line,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=child_environ("ffmpeg"),
        )
    except OSError as error:
        raise FramesUnreadable(f"{ffmpeg} does not start: {error}") from error
    try:
        async with asyncio.timeout(WITHIN):
            data, said = await process.communicate()
    except TimeoutError:
        raise FramesUnreadable("ffmpeg does not end") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or not data or len(data) % FRAME:
        raise FramesUnreadable(f"ffmpeg ended with {process.returncode}: {said[-200:].decode('utf-8', 'replace')}")
    return data, len(data) // FRAME
