"""The values that cross between the people side and the GPU side. All are frozen."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

PIECES_MOST = 3
"""Pieces that one clip is made of at most: the first, and what goes on from its end."""


class Requester(msgspec.Struct, frozen=True):
    """Who asked, and where. Ids are the platform's own, as text.

    `persona`: `user` is a channel or group in whose name somebody wrote, so that the person behind it is unknown.
    """

    platform: str
    user: str
    chat: str
    language: str = "en"
    persona: bool = False

    @property
    def person(self) -> str:
        """The owner of the request: who may cancel and delete it, and have it forgotten."""
        return f"{self.platform}:{self.user}"

    @property
    def account(self) -> str:
        """Whose quotas and turns it counts on. A person can have many channels: a chat's personas share one account."""
        return f"{self.place}:personas" if self.persona else self.person

    @property
    def place(self) -> str:
        return f"{self.platform}:{self.chat}"


class ReplyAddress(msgspec.Struct, frozen=True):
    """All that a platform needs to answer later, from another process and without a live connection."""

    platform: str
    chat: str
    message: str
    thread: str | None = None
    extra: dict[str, str] = {}


class Request(msgspec.Struct, frozen=True):
    """What a person sent, before anything was read or fetched.

    `id` is made from platform, chat and message, so the same update seen twice is one request;
    a re-roll adds its number. `source` is the platform's own reference to the picture, empty where the clip is to be
    made of words alone; `last_source` is that to a second picture, with which the clip is to end, and else empty.
    `upload_limit` is in bytes. `aspect` is the picture's long side over its short one as far as the platform says
    it, else 1: by it the cost is estimated before the picture is fetched. `stored` is the storage key under which an
    older request has the same picture, and `last_stored` that of the second one; where that is gone, and for a program
    that does not know it, `source` and `last_source` hold.
    `spoiler`: picture or words were sent covered, so that the clip and its words are covered too. `notes` are what the
    older request noted of the `stored` picture, as in `Job`.
    `author`: whose pictures they are, where that is another than who asked, by names that tell nobody, with a space
    between two. `rewritten`: the prompt that a language model made of the same words for an older request, so that it
    is not asked again.
    `older`: the id of the request whose clip this one goes on from, where the words say that it goes on; else empty.
    """

    id: str
    requester: Requester
    reply_to: ReplyAddress
    source: str
    words: str
    upload_limit: int
    aspect: float = 1.0
    stored: str = ""
    spoiler: bool = False
    notes: tuple[str, ...] = ()
    last_source: str = ""
    last_stored: str = ""
    author: str = ""
    rewritten: str = ""
    older: str = ""

    @property
    def pictures(self) -> int:
        """Of how many pictures the clip is to be made: 0 for words alone, 2 from one to another."""
        return bool(self.source or self.stored or self.older) + bool(self.last_source or self.last_stored)


class Parameters(msgspec.Struct, frozen=True):
    """What to render. The names are diffusers' own.

    `resolution` is the short side in pixels that the model works at; `width` and `height`, where
    given, override the size made from it and from the picture's shape. `motion` scales movement,
    1.0 being the model's usual amount. `camera` holds camera words that were given apart from the
    prompt. `step_cache`: what changes from one step to the next by less than that share is taken over,
    where the renderer can do that; 0: nothing is. `timestep_spacing` is how the steps' noise levels are spaced, of a
    model that offers a choice; "": as its checkpoint says, which all clips followed before it was named. `target_fps`
    is the frame rate that the model is told to make motion for; 0: it is told `fps`, or none. `scheduler` is the solver
    of the steps, "unipc", or "": the model's own. `cache_interval`: of so many steps one is computed whole.
    """

    model: str
    prompt: str
    seed: int
    num_frames: int
    fps: int
    resolution: int
    negative_prompt: str = ""
    num_inference_steps: int = 1
    guidance_scale: float = 1.0
    width: int | None = None
    height: int | None = None
    motion: float = 1.0
    camera: str = ""
    step_cache: float = 0.0
    timestep_spacing: str = ""
    target_fps: int = 0
    scheduler: str = ""
    cache_interval: int = 1

    def at(self, resolution: int) -> Parameters:
        """Return the same at another resolution; a width and a height that are given change as it does."""
        width, height = (
            side and max(1, round(side * resolution / self.resolution)) for side in (self.width, self.height)
        )
        return msgspec.structs.replace(self, resolution=resolution, width=width, height=height)


class Finish(msgspec.Struct, frozen=True):
    """What happens to the frames between renderer and file. `shape` names a finish of the catalogue.

    `fill` is how a photo of another shape fills that one: "pad" between black bars, "crop" by a part of it, "blur"
    before a blurred copy of itself, "" by what is best: a crop that loses nothing that matters, else that copy.
    `loop`: the frames run forwards, then backwards. `seamless`: the clip ends with the picture with which it begins,
    which is not shown twice.
    """

    shape: str = "original"
    output_fps: int | None = None
    fade: bool = False
    loop: bool = False
    audio: bool = False
    fill: str = ""
    seamless: bool = False


class Job(msgspec.Struct, frozen=True):
    """A request that was understood: everything the engine needs.

    `picture` is a storage key, empty where the clip is made of words alone, and `last_picture` that of the picture with
    which it ends, else empty; `upload_limit` is in bytes. `notes` are codes of what was done otherwise than asked with
    the picture and the words, before the engine: the answer tells them together with `Succeeded.notes`. `own_words` are
    the person's, where a language model made the prompt of them; else empty, as the prompt is what the person wrote.
    `look`: an early look is wanted, where the renderer has one.

    Where it goes on from an older clip, `extends` is the storage key of that one's reel, `picture` is its last frame,
    and `before` has the parameters of its pieces, the first one first. What is rendered is the next piece.
    """

    id: str
    requester: Requester
    reply_to: ReplyAddress
    picture: str
    parameters: Parameters
    finish: Finish
    upload_limit: int
    # Nobody reads it. The former version cannot decode a job without it, so it is written for as long as that may run.
    submitted_at: float = 0.0
    notes: tuple[str, ...] = ()
    last_picture: str = ""
    look: bool = False
    own_words: str = ""
    extends: str = ""
    before: tuple[Parameters, ...] = ()

    @property
    def words(self) -> str:
        """Return what the person wrote, without options."""
        return self.own_words or self.parameters.prompt

    @property
    def pictures(self) -> tuple[str, ...]:
        """The storage keys of its pictures: none, the first, or both."""
        return tuple(key for key in (self.picture, self.last_picture) if key)


class Progress(msgspec.Struct, frozen=True):
    """How far a running job is. `seconds_left` is None as long as nobody can tell."""

    phase: Literal["loading", "rendering", "encoding"]
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None


class Succeeded(msgspec.Struct, frozen=True, tag="succeeded"):
    """A clip is in storage under `clip`. Sizes in bytes and pixels, times in seconds.

    `parameters` are those that were used, which may differ from those asked for; `notes` are
    codes that `replies` turns into sentences, each with what it is about. `original` is what a
    smaller clip is made from, where `clip` itself had to give up quality for its limit.
    `sound`: the model made what is heard. `synthetic` and `filled` as in the catalogue's models.

    By `frame` and `reel` a longer clip goes on from this one: the keys of its last frame as it was rendered, a PNG, and
    of its frames without a finish, an MP4 that may be the clip itself; None where nothing can. `before` as in `Recipe`.
    """

    clip: str
    size: int
    width: int
    height: int
    duration: float
    fps: float
    parameters: Parameters
    synthetic: bool
    render_seconds: float
    notes: tuple[str, ...] = ()
    original: str | None = None
    sound: bool = False
    filled: bool = False
    frame: str | None = None
    reel: str | None = None
    before: tuple[Parameters, ...] = ()

    @property
    def draws(self) -> bool:
        """Return whether a trained model drew its pixels, as in the catalogue's models."""
        return self.synthetic and not self.filled

    @property
    def pieces(self) -> int:
        """Return of how many pieces it is made."""
        return len(self.before) + 1


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The outcome of a job with nothing to show.

    `code` is one of `codes.FAILURES`, and `details` has its parameters by name.

    `message` is the sentence itself where the code is SAID, and else empty. It is always written: the former version
    reads no record without it. That version's records have no parameters.
    """

    code: str
    message: str = ""
    details: dict[str, str] = {}


class Cancelled(msgspec.Struct, frozen=True, tag="cancelled"):
    """Somebody no longer wanted it. `by` is a person, or 'system'."""

    by: str


Outcome = Succeeded | Failed | Cancelled


class State(StrEnum):
    """Where a job stands in the ledger. SENT and UNDELIVERABLE are final."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SENDING = "sending"
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"

    @property
    def final(self) -> bool:
        return self in (State.SENT, State.UNDELIVERABLE)


class EngineInfo(msgspec.Struct, frozen=True):
    """The facts that an engine tells of itself. `job` is the one on its device.

    `can` has the words of `abilities`, `version` is the program's. `models` are those that it serves, of which `model`
    is the one that is loaded; one of an older version says that alone. `signs_until` is when the certificate ends by
    which it signs clips, as a Unix time in seconds; 0, it signs none.
    """

    name: str
    model: str
    device: str
    host: str
    pid: int
    done: int = 0
    job: str | None = None
    version: str = ""
    can: tuple[str, ...] = ()
    # Nobody reads it. The former version cannot decode an engine without it.
    started_at: float = 0.0
    models: tuple[str, ...] = ()
    signs_until: float = 0.0
