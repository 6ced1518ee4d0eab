"""The content of a job's one message: a whole value, made in one place and drawn by each platform in its own way."""

from __future__ import annotations

from enum import Enum, StrEnum, auto, unique
from pathlib import Path
from typing import Literal

import msgspec

from unstill_bots.text.parts import Text

REVISED = "revision"
"""The `by` of a job that is cancelled for new words for its picture. Their own job shows itself in the same message."""


def replaced_by(id: str) -> str:
    """Return the `by` of a job that is cancelled for the job of that id, which shows itself in the same message."""
    return f"{REVISED} {id}"


def is_replaced(by: str) -> bool:
    """Return whether a job that `by` cancelled has made way for another one."""
    return by.split(" ")[0] == REVISED


SHUT_OUT = "shut_out"
"""The `by` of a job that is cancelled because the bot was blocked, or removed from its chat."""

NOTICE = "notice"
"""The key of `ReplyAddress.extra` that marks news for a host, which nobody asked for."""


class Phase(StrEnum):
    """The stages of a request. The last three are answers."""

    RECEIVED = "received"
    WAITING = "waiting"
    LOADING = "loading"
    RENDERING = "rendering"
    ENCODING = "encoding"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def under_way(self) -> bool:
        """Return whether the answer is still to come."""
        return self not in (Phase.DONE, Phase.FAILED, Phase.CANCELLED)


@unique
class Urgency(Enum):
    """The reasons for which something is sent. Each platform sets how long each of them may wait for its turn."""

    ANSWER = auto()
    REFUSAL = auto()
    NOTE = auto()
    TALK = auto()
    CALL = auto()
    PLACE = auto()
    PROGRESS = auto()


SEEN = "\N{EYES}"
"""The reaction that stands for a receipt where a chat wants to be quiet. Both platforms have it."""
DROPPABLE = (Urgency.CALL, Urgency.PLACE, Urgency.PROGRESS)
"""The reasons for which nothing waits where there is no room."""


class Button(msgspec.Struct, frozen=True):
    """A button under the message: an action of `presses.ACTIONS` on `job`, labelled `text`."""

    action: str
    text: str
    job: str


class Clip(msgspec.Struct, frozen=True):
    """A clip to show: its file, `size` in bytes, sides in pixels, `duration` in seconds.

    `key` is its own storage key, and `poster` that of the picture that it was made of, which fills the clip's shape as
    `fill` says. A platform that links to clips is given no file, but an empty path. `name` is what its file is called,
    `alt` describes it to who cannot see it. `spoiler`: it is covered until somebody wants to see it.
    """

    file: Path
    size: int
    width: int
    height: int
    duration: float
    audio: bool = False
    spoiler: bool = False
    poster: str | None = None
    fill: Literal["crop", "blur", "pad"] = "crop"
    name: str = "unstill.mp4"
    alt: str = ""
    key: str = ""


class EarlyLook(msgspec.Struct, frozen=True):
    """An early look at a clip that is in the making: `picture` is a JPEG, `spoiler` as in `Clip`, `synthetic`: AI draws
    it. `reseeds`: another seed makes another clip.
    """

    picture: bytes
    spoiler: bool = False
    synthetic: bool = False
    reseeds: bool = False


class Message(msgspec.Struct, frozen=True):
    """The content of the message of `job` now, in `language`.

    `share` is the part of the rendering that is done, from 0 to 1, which never runs back; None where there is nothing
    to tell. `ready_at` is in seconds since the epoch. `account` is whose request is refused, and empty otherwise.
    `code`, one of `codes.FAILURES`, says why a clip that was made is not shown. `look` is what is seen of a clip in the
    making; without it, no look stands there any more.
    """

    job: str
    language: str
    text: Text
    phase: Phase
    urgency: Urgency
    share: float | None = None
    ready_at: float | None = None
    buttons: tuple[Button, ...] = ()
    clip: Clip | None = None
    account: str = ""
    code: str = ""
    look: EarlyLook | None = None

    @property
    def silent(self) -> bool:
        """Return whether nobody's phone rings for it where it is new: for a receipt, and for the line that becomes a
        refusal. Who reads them has just written.
        """
        return self.phase.under_way and self.urgency is not Urgency.ANSWER
