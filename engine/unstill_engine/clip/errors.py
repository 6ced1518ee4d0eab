"""What can go wrong between frames and clip."""

from __future__ import annotations


class ClipError(Exception):
    """No clip. The text is for the person; `detail` is ffmpeg's own words, for the operator.

    `code` is one of: no_ffmpeg, bad_frames, bad_clip, encode_failed, encode_timeout, disk_full,
    write_failed, too_big.
    """

    def __init__(self, code: str, message: str, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(message)


class EncoderKilled(ClipError):
    """ffmpeg was killed by somebody, or for want of memory: neither the frames nor the clip are to blame."""


def write_error(detail: str, *, full: bool) -> ClipError:
    if full:
        return ClipError("disk_full", "The engine's disk is full. Try again later.", detail)
    return ClipError("write_failed", "The clip could not be written. The disk may be full; try later.", detail)
