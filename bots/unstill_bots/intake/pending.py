"""A picture that somebody sent, and all that later steps have to know of it from its platform."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol, Self, TypeVar

import msgspec
from msgspec.structs import replace

from unstill_bots.actions.preferences import Preferences
from unstill_bots.intake.older_picture import OlderPicture
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.jobs import ReplyAddress, Request, Requester
from unstill_queue.contract.sizing import UNSEEN

AGE_RESTRICTED = "age_restricted"
"""The key of `ReplyAddress.extra` by which a request comes from a channel that its platform keeps for adults."""


class Picture(Protocol):
    """A platform's own reference to a picture. All as in `Request`; without a source it is none."""

    @property
    def source(self) -> str: ...
    @property
    def aspect(self) -> float: ...
    @property
    def spoiler(self) -> bool: ...


Pic = TypeVar("Pic", bound=Picture)


def usable_of(pictures: Sequence[Pic], *, own: bool) -> list[Pic]:
    """Return the pictures of a message that somebody may use: of another's, not those that were sent covered."""
    return [picture for picture in pictures if own or not picture.spoiler]


class PendingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that somebody sent, before there are words for it. A platform's subclass says how to answer it.

    `user` is the platform's own id, `sent_at` in seconds since the epoch, `upload_limit` in bytes, 0 where an older
    version wrote it down without one. Messages with the same `album` in a chat belong together. `older` is the picture
    of an older request, and is used instead of its own. `covered`: the words were written as a spoiler. `last_source`
    is that of the picture with which the clip is to end, and `author` whose pictures they are, as in `Request`. It is
    stored while it waits for words: a new field needs a default, as `last_stored` has.
    """

    user: str
    language: str
    sent_at: float
    upload_limit: int = 0
    album: str = ""
    author: str = ""
    older: OlderPicture | None = None
    covered: bool = False
    last_source: str = ""
    last_stored: str = ""

    @property
    def id(self) -> str:
        """The id, as in `Request`: the same message seen twice is one request."""
        raise NotImplementedError

    @property
    def chat(self) -> str:
        """The chat in which it is answered."""
        raise NotImplementedError

    @property
    def who(self) -> Requester:
        raise NotImplementedError

    @property
    def replies(self) -> ChatReplies:
        """The sentences of its platform, in the person's language."""
        return ChatReplies(self.language)

    def forbidden(self, rules: Preferences) -> str | None:
        """Return the sentence by which the chat's own rules refuse it where it was sent, or None."""
        return None

    @property
    def picture(self) -> Picture:
        raise NotImplementedError

    def address(self, job: str = "") -> ReplyAddress:
        """Return where to answer. `job` is written for the version before this one, which reads it there."""
        raise NotImplementedError

    @property
    def age(self) -> float:
        """The seconds since it was sent."""
        return time.time() - self.sent_at

    @property
    def whose(self) -> str:
        """Whose picture it is, as `Request.author`."""
        return self.author or (self.older.author if self.older else "")

    def request(self, words: str, *, id: str | None = None) -> Request:
        """Return the queue's request. `words` is the whole caption; `id` where it is not the message's first one."""
        id = id or self.id
        picture = self.older or self.picture
        return Request(
            id,
            self.who,
            self.address(id),
            picture.source,
            words,
            self.upload_limit,
            picture.aspect if picture.source or self.last_source else UNSEEN,
            self.older.stored if self.older else "",
            picture.spoiler or self.covered,
            self.older.notes if self.older else (),
            self.last_source or (self.older.last_source if self.older else ""),
            self.last_stored or (self.older.last_stored if self.older and not self.last_source else ""),
            self.whose,
        )

    def up_to(self, last: PendingRequest) -> Self:
        """Return the request for one clip, from this picture to that of another request."""
        picture = last.older or last.picture
        return replace(
            self,
            last_source=picture.source,
            last_stored=last.older.stored if last.older else "",
            covered=self.covered or last.covered or picture.spoiler,
            author=" ".join(dict.fromkeys(filter(None, (self.whose, last.whose)))),
        )


def numbered(first: str, number: int) -> str:
    """Return the id of one of several pictures of a message, by that of the first; `number` counts from 0."""
    return f"{first}.{number}" if number else first
