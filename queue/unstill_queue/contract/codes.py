"""The one table of the codes that an answer can bear, each with the names of its parameters; no sentences.

Queue, engine and front ends say by a code what happened. The sentence of each, in every language, stands in
`unstill_bots.text.sentences` alone. What the operator reads of the same stands in the log, in the words of the place
where it happened.
"""

from __future__ import annotations

from typing import Final

SAID: Final = "said"
"""The code of a failure whose `message` is already the sentence for the person, in their language."""

UNKNOWN: Final = "unknown"
"""What is answered in place of a code that the reader does not know, as it comes from a newer version."""


def megabytes(size: int) -> str:
    """Write a size in bytes as the parameter `megabytes`, rounded to three digits: "10", "0.25"."""
    return f"{size / 1e6:.3g}"


NONE: Final = frozenset[str]()

FAILURES: Final[dict[str, frozenset[str]]] = {
    # the queue
    "engine_lost": frozenset({"tries"}),
    "expired": NONE,
    "intake_failed": NONE,
    # the render
    "render_failed": NONE,
    "deadline": NONE,
    "model_unavailable": NONE,
    "out_of_memory": NONE,
    "device_busy": NONE,
    "picture_gone": NONE,
    "picture_unreadable": NONE,
    # the clip
    "too_big": frozenset({"megabytes"}),
    "encode_failed": NONE,
    "encode_timeout": NONE,
    "bad_frames": NONE,
    "bad_clip": NONE,
    "no_ffmpeg": NONE,
    "clip_expired": NONE,
    # the engine's folder, by what the system says of it
    "write_failed": NONE,
    "disk_full": NONE,
    "disk_refused": NONE,
    "disk_missing": NONE,
    "disk_away": NONE,
    # the storage
    "storage_full": NONE,
    "storage_refused": NONE,
    "storage_missing": NONE,
    "storage_away": NONE,
    # the chat
    "picture_too_big": NONE,
    "undeliverable": NONE,
    "cancelled": NONE,
    UNKNOWN: NONE,
    # the file that was sent
    "picture_empty": NONE,
    "picture_too_many_bytes": frozenset({"megabytes"}),
    "picture_too_many_pixels": frozenset({"megapixels"}),
    "picture_too_many_for_format": frozenset({"format", "own", "megapixels"}),
    "picture_too_long": frozenset({"most"}),
    "picture_too_small": frozenset({"least"}),
    "picture_too_narrow": frozenset({"most"}),
    "picture_other_format": frozenset({"format"}),
    "picture_drawing": frozenset({"format"}),
    "picture_video": NONE,
    "picture_sticker": NONE,
    "picture_unknown": NONE,
    "picture_broken": NONE,
    "picture_too_heavy": NONE,
    "picture_unavailable": NONE,
}
