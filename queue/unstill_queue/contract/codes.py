"""The one table of the codes that an answer can bear, each with the names of its parameters; no sentences.

Queue, engine and front ends say by a code what happened. The sentence of each, in every language, stands in
`unstill_bots.text.sentences` alone. What the operator reads of the same stands in the log, in the words of the place
where it happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

SAID: Final = "said"
"""The code of a failure whose `message` is already the sentence for the person, in their language."""

UNKNOWN: Final = "unknown"
"""The code that stands in for one that the reader does not know, as it comes from a newer version."""


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
    "no_picture": NONE,
    "one_picture": NONE,
    "piece_gone": NONE,
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
    "refused": NONE,
    "clip_refused": NONE,
    "clip_unrated": NONE,
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
    "picture_story": NONE,
    "picture_unpaid": NONE,
    "picture_unknown": NONE,
    "picture_transparent": NONE,
    "picture_broken": NONE,
    "picture_too_heavy": NONE,
    "picture_unavailable": NONE,
    "picture_refused": NONE,
    "picture_unrated": NONE,
}

ALLOWED: Final[dict[str, frozenset[str]]] = {
    "names": frozenset({"names"}),
    "flag": NONE,
    "flag_or": frozenset({"names"}),
    "text": frozenset({"most"}),
    "whole_number": frozenset({"least", "most", "unit"}),
    "number": frozenset({"least", "most", "unit"}),
    "with_model": frozenset({"least", "most", "model"}),
    "only": frozenset({"only", "model"}),
    "seconds_at_fps": frozenset({"least", "most", "fps"}),
}
"""The codes of `errors.Allowed`: what an option can take."""

VALUE: Final = frozenset({"value"})

NOTES: Final[dict[str, frozenset[str]]] = {
    # the photo
    "picture_first_frame": NONE,
    "picture_main": NONE,
    "picture_truncated": NONE,
    "picture_profile_ignored": NONE,
    "picture_covered": NONE,
    # what the model made of the request
    "frames_changed": VALUE,
    "size_changed": VALUE,
    "cropped": frozenset({"percent"}),
    "experimental_size": VALUE,
    "move_unread": VALUE,
    "prompt_rewritten": VALUE,
    "prompt_shortened": VALUE,
    "negative_shortened": VALUE,
    # the caption's options, as they were typed, and what they were taken for
    "option_nearest": frozenset({"asked", "chosen"}),
    "option_read_as": frozenset({"asked", "chosen"}),
    "option_overruled": frozenset({"asked", "chosen"}),
    "options_left_out": VALUE,
    "fill_without_shape": VALUE,
    "options_not_read": frozenset({"options", "model"}),
    "weights_ignored": NONE,
    "steps_reused": VALUE,
    "sound_silent": frozenset({"model"}),
    "loop_there_and_back": NONE,
    # the card's memory, as it was planned and as it ran out
    "memory_saved": NONE,
    "memory_low": VALUE,
    "memory_resolution": frozenset({"asked", "chosen", "free"}),
    "memory_frames": frozenset({"asked", "chosen", "free"}),
    "memory_chunked": NONE,
    "memory_split": NONE,
    "memory_offloaded": NONE,
    "memory_eight_bit": NONE,
    "memory_smaller": frozenset({"asked", "chosen"}),
    "memory_fewer": frozenset({"asked", "chosen"}),
    # the way of the job
    "tried_again": VALUE,
    "smaller": VALUE,
    "clip_covered": NONE,
}
"""The codes of `Job.notes` and `Succeeded.notes`: what was done otherwise than asked, in a clip that was made.

Those that begin with "picture_" are about the file that was sent, and hold for every clip of it, whatever the words.
"""


_ESCAPED: Final = str.maketrans({character: f"%{ord(character):02X}" for character in "%,="})
"""What a named parameter is written without: it may be what a person typed."""


def note(code: str, **parameters: object) -> str:
    """Write a note as it crosses the wire: "code", "code:value" or "code:name=value,name=value"."""
    if parameters.keys() == VALUE:
        return f"{code}:{parameters['value']}"
    named = ",".join(f"{name}={str(value).translate(_ESCAPED)}" for name, value in parameters.items())
    return f"{code}:{named}" if named else code


def of_picture(notes: Iterable[str]) -> tuple[str, ...]:
    """Return those notes that are about the file that was sent."""
    return tuple(note for note in notes if note.startswith("picture_"))


def read_note(text: str) -> tuple[str, dict[str, str]]:
    """Return the code and the parameters of a note."""
    code, _, value = text.partition(":")
    named = (part.split("=", 1) for part in value.split(",") if "=" in part)
    return code, {**{name: unquote(text) for name, text in named}, "value": value}
