"""What became of each photo, for people and for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from unstill_bots.terminal.ending import Code
from unstill_bots.terminal.wording import Wording
from unstill_queue.contract.codes import SAID
from unstill_queue.contract.jobs import Cancelled, Failed, Outcome, State, Succeeded


class Result(msgspec.Struct, frozen=True):
    """`file` is where the clip was saved; `text` what a chat would have said. Without an outcome it never began.

    `notes` are those of the record.
    """

    photo: str
    id: str
    state: State | None = None
    outcome: Outcome | None = None
    file: str | None = None
    text: str = ""
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.file is not None

    def as_json(self) -> dict[str, Any]:
        """The same keys always; None where a clip has no such thing. Sizes in bytes and pixels, times in seconds."""
        clip = self.outcome if isinstance(self.outcome, Succeeded) else None
        error: dict[str, str] | None = None
        if not self.ok:
            error = {"code": _code(self.outcome), "message": self.text}
        return {
            "photo": self.photo,
            "id": self.id,
            "state": None if self.state is None else str(self.state),
            "file": self.file,
            "size": clip and clip.size,
            "width": clip and clip.width,
            "height": clip and clip.height,
            "seconds": clip and clip.duration,
            "fps": clip and clip.fps,
            "seed": clip and clip.parameters.seed,
            "model": clip and clip.parameters.model,
            "synthetic": clip and clip.synthetic,
            "filled": clip and clip.filled,
            "render_seconds": clip and clip.render_seconds,
            "parameters": clip and msgspec.to_builtins(clip.parameters),
            "notes": list(self.notes),
            "text": self.text,
            "error": error,
        }


def _code(outcome: Outcome | None) -> str:
    match outcome:
        case Failed(code=code):
            return "refused" if code == SAID else code
        case Cancelled():
            return "cancelled"
        case Succeeded():
            return "undeliverable"
        case None:
            return "not_started"


def code_of(results: Sequence[Result]) -> Code:
    """Cancelled where nothing worse happened."""
    missing = [result.outcome for result in results if not result.ok]
    if not missing:
        return Code.OK
    return Code.CANCELLED if all(isinstance(outcome, Cancelled) for outcome in missing) else Code.FAILED


def show(results: Sequence[Result], wording: Wording) -> None:
    """Clips on stdout, what went wrong on stderr."""
    for number, result in enumerate(results):
        if result.ok and isinstance(result.outcome, Succeeded):
            if number:
                print()
            print(wording.saved(result.photo, near(str(result.file)), result.outcome.size))
            print(result.text)
        elif result.text:
            print(f"{result.photo}: {result.text}", file=sys.stderr)


def near(file: str) -> str:
    """The file as one would type it from here: relative where it lies below."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file
