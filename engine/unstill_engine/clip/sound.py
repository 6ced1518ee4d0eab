"""A clip's sound. It is encoded once, by itself, and copied into each encode of the picture: its bytes are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ffmpeg

from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.encode import GLOBALS, PLAIN, PROTOCOLS, Track, run_fed
from unstill_engine.clip.finish import Layout
from unstill_engine.clip.spool import NOTHING, Source, opened

#: Bits a second that a sound may have, best first; a silent one has the least.
STEPS = (128_000, 96_000, 64_000, 48_000, 32_000)
#: The share of a limit that a sound gets where the limit binds.
SHARE = 0.1
#: What an encoder may go over its step, and the seconds of its first and last frame beside the sound.
OVER, ENDS = 1.04, 0.05
RATES = "8000|11025|12000|16000|22050|24000|32000|44100|48000"
SILENCE = "anullsrc=r=44100:cl=stereo"


def step_within(room: float, seconds: float, whole: float, least: float) -> int:
    """Return the best of STEPS that the sound may have of `room` bytes; the last where it may have none of them.

    It may have all that is left by the `whole` bytes of the picture at full quality. Where that leaves too little, it
    may have SHARE of the room, as long as the picture keeps `least`, below which that is made smaller.
    """
    for step in STEPS:
        taken = bytes_of(step, seconds)
        if taken <= room - whole or taken <= min(SHARE * room, room - least):
            return step
    return STEPS[-1]


def bytes_of(step: int, seconds: float) -> float:
    """Return the bytes that a sound takes at most."""
    return OVER * step * (seconds + ENDS) / 8


async def encode_track(binary: Ffmpeg, source: Source, layout: Layout, folder: Path, step: int | None = None) -> Track:
    """Encode the source's sound as AAC at `step` bits a second, or silence where it has none.

    Without a step it is as good as it can be: of a source that is encoded already it is copied.

    Raises:
        ClipError: as `run`.
    """
    name = f"sound-{step or 'best'}.m4a"
    options: dict[str, Any] = {"c:a": "aac", "b:a": step or STEPS[0]}
    if source.encoded:
        heard = ffmpeg.input("pipe:0", format="mp4", protocol_whitelist=PROTOCOLS).audio
        options = {"c:a": "copy"} if step is None else options
    elif source.sound:
        heard = finished(ffmpeg.input("pipe:0", format="wav", protocol_whitelist=PROTOCOLS).audio, source, layout)
    else:
        heard = ffmpeg.input(SILENCE, format="lavfi", t=_time(layout.duration)).audio
        options["b:a"] = STEPS[-1]
    line: list[str] = ffmpeg.compile(
        ffmpeg.output(heard, f"file:{name}", **options, **PLAIN).global_args(*GLOBALS), cmd=binary.path
    )
    fed = source.path if source.encoded else source.sound or NOTHING
    await run_fed(line, lambda: opened(fed), folder, lambda _: None)
    return Track(name, (folder / name).stat().st_size)


def finished(stream: Any, source: Source, layout: Layout) -> Any:
    """Return the renderer's sound as long as the clip, with its loop and its fade.

    On the way back of a loop it is played backwards, as the picture is. It turns where the last frame begins, and ends
    where it began, so that neither turn clicks. What is missing at its end is silence.
    """
    stream = stream.filter("aformat", sample_rates=RATES, channel_layouts="mono|stereo")
    if layout.fed > source.num_frames:
        both = _long(stream, float((source.num_frames - 1) / source.rate)).filter_multi_output("asplit")
        stream = ffmpeg.concat(both[0], both[1].filter("areverse"), v=0, a=1)
    stream = _long(stream, layout.duration)
    if layout.fade_frames:
        begins = _time(layout.fade_start / layout.rate)
        stream = stream.filter("afade", type="out", start_time=begins, duration=_time(layout.fade_frames / layout.rate))
    return stream


def _long(stream: Any, seconds: float) -> Any:
    return stream.filter("apad", whole_dur=_time(seconds)).filter("atrim", end=_time(seconds))


def _time(seconds: Any) -> str:
    return f"{float(seconds):.6f}"
