"""What can go wrong between frames and clip."""

from __future__ import annotations


class ClipError(Exception):
    """No clip. The text is for the person; `detail` is ffmpeg's own words, for the operator.

    `code` is one of: no_ffmpeg, bad_frames, bad_clip, encode_failed, encode_timeout, write_failed,
    too_big.
    """

    def __init__(self, code: str, message: str, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(message)
