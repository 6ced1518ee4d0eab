"""What can go wrong between frames and clip."""

from __future__ import annotations

from unstill_queue.contract.errors import JobError


class ClipError(JobError):
    """A clip cannot be made. The text is for the operator, with ffmpeg's own words where it said any.

    `code` is one of: no_ffmpeg, bad_frames, bad_clip, encode_failed, encode_timeout, disk_full,
    write_failed, too_big.
    """


class EncoderKilled(ClipError):
    """ffmpeg was killed by somebody, or for want of memory: neither the frames nor the clip are to blame."""


def write_error(reason: str, *, full: bool) -> ClipError:
    return ClipError("disk_full" if full else "write_failed", reason)
