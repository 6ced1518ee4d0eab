"""A picture that somebody put on the page, or sent to the API, as the queue's Request."""

from __future__ import annotations

import time

from unstill_bots.intake.older_picture import STORED_FOR, OlderPicture
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.web.visitor import PLATFORM, Visitor, split
from unstill_queue.contract.jobs import ReplyAddress, Requester

BODY = "body"
"""The name of `WebRequest.body` in a reply address."""


class WebRequest(PendingRequest, frozen=True, kw_only=True):
    """A request for a clip. `key` names it among those of its person, `scope` is whence they came, `picture` lies in
    the storage already. `body` tells the upload that it came in from others under the same key. `own`: the picture was
    stored for it alone.
    """

    scope: str
    key: str
    picture: OlderPicture
    body: str = ""
    own: bool = False

    @property
    def id(self) -> str:
        return id_of(self.user, self.key)

    @property
    def chat(self) -> str:
        return self.user

    @property
    def who(self) -> Requester:
        platform, user = split(self.user)
        # who is a person of a chat platform has the quotas of their private chat there
        return Requester(platform, user, self.scope if platform == PLATFORM else user, self.language)

    def address(self, job: str = "") -> ReplyAddress:
        extra = {BODY: self.body, STORED_FOR: self.id if self.own else ""}
        return ReplyAddress(
            PLATFORM, self.user, self.key, extra={name: value for name, value in extra.items() if value}
        )


def pending_of(
    visitor: Visitor, key: str, picture: OlderPicture, body: str = "", *, own: bool = False, last: str = ""
) -> WebRequest:
    """Return a visitor's request for a clip of a stored picture; all else as in `WebRequest`. `last` is the storage key
    of the picture with which it ends.
    """
    return WebRequest(
        user=visitor.user,
        language=visitor.language,
        sent_at=time.time(),
        scope=visitor.scope,
        key=key,
        picture=picture,
        older=picture,
        body=body,
        own=own,
        last_source=last,
        last_stored=last,
    )


def id_of(user: str, key: str) -> str:
    """Return the id of the request that a person's key names: nobody can name another's."""
    return f"{PLATFORM}:{user}:{key}"


def key_of(id: str) -> str:
    """Return the key by which its person names a request."""
    return id.split(":", 2)[2]
