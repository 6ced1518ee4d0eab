"""Words that came without a picture, and the message that they reply to, as platforms read them."""

from __future__ import annotations

from typing import Generic

import msgspec

from unstill_bots.actions.preferences import InForce
from unstill_bots.intake.media import Unfit
from unstill_bots.intake.waiting import P


class RepliedTo(msgspec.Struct, Generic[P], frozen=True):
    """The message that words reply to.

    `id` is that of the request which it would be, `user` who sent it, as in `Requester.user`. Where the bot itself sent
    it, `note` is its reference, as in `Record.note`, and `jobs` are the ids of those that its buttons are about. `asks`
    are the requests that its pictures would be, `unfit` is what stands in their place, and `covered` says that they are
    spoilers. `hidden`: the platform does not show what it holds.
    """

    id: str
    user: str
    note: str = ""
    jobs: tuple[str, ...] = ()
    asks: tuple[P, ...] = ()
    unfit: Unfit | None = None
    covered: bool = False
    hidden: bool = False


class Said(msgspec.Struct, Generic[P], frozen=True):
    """Words that came without a picture. `pending` is the request that their message would be, with an empty picture.

    `private`: said in a private chat with the bot. `explicit`: to the bot, by a command or a mention that was typed;
    `command`: by a command. `in_force` holds for its person and chat.
    """

    pending: P
    words: str
    in_force: InForce
    private: bool = False
    explicit: bool = False
    command: bool = False
    replied: RepliedTo[P] | None = None

    @property
    def by_reply(self) -> bool:
        """Return whether it is to the bot by nothing but what it replies to."""
        return not (self.private or self.explicit)
