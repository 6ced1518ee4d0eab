"""The sentences about what the host decides: who may ask, and whether anybody may."""

from __future__ import annotations

from unstill_bots.text.replies import Replies
from unstill_queue.contract.errors import Blocked, NotTaken, TooManyRequests


class HostReplies(Replies):
    """The sentences about the host's decisions."""

    def reports_and_blocks(self) -> str:
        """Say what of a person the host may be shown, and what stays of them for as long as the host wants."""
        return self.gettext(
            "A clip that somebody reports is shown to the host, without your name. That the host has blocked somebody "
            "is kept under a pseudonym."
        )

    def declined(self, error: NotTaken) -> str:
        """Say why a request is not written down."""
        match error:
            case TooManyRequests(limit=limit):
                return self.too_many_requests(limit)
            case Blocked():
                return self.gettext(
                    "The host of this bot has blocked you or this chat, so nothing more is made. Ask the host why."
                )
            case _:
                return self.gettext(
                    "The host of this bot has paused it, and what waits is still made. Try again later."
                )

    def too_many_requests(self, limit: int) -> str:
        return self.gettext(
            "You may ask for at most {limit} a minute, and the rest was not taken. Wait a minute, then send it again.",
            limit=limit,
        )
