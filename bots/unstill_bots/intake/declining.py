"""Says what is not taken, beside whatever else happens, and does not say the same at each message."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from unstill_bots.delivery.side_messages import SideMessages
from unstill_bots.host.background import BackgroundTasks
from unstill_bots.intake.cooldown import Cooldown
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.errors import Blocked, NotTaken
from unstill_queue.contract.jobs import ReplyAddress, Requester

Tell = Callable[[ReplyAddress, str], Coroutine[Any, Any, str | None]]
"""Says something that belongs to no job, as a reply. Returns the ref of the message, or None where it got lost."""


async def tell_nobody(to: ReplyAddress, text: str) -> None:
    """Say nothing."""


class Declining:
    """Tells people what is not taken, and by `side` where others read it too, so that it does not stay there."""

    def __init__(self, tell: Tell, side: SideMessages, background: BackgroundTasks) -> None:
        self._tell = tell
        self._side = side
        self._background = background
        self._cooldown = Cooldown()

    def decline(self, who: Requester, to: ReplyAddress, error: NotTaken) -> None:
        """Tell who asks too fast, or is kept out, now and then."""
        # a block counts for itself, over restarts, as it is told once for all
        if error.told if isinstance(error, Blocked) else self._cooldown.holds(who.account, to.chat):
            return
        self._cooldown.begin(who.account, to.chat)
        self.refuse(to, ChatReplies(who.language).declined(error), who.user)

    def refuse(self, to: ReplyAddress, sentence: str, user: str) -> None:
        """Tell `user`, as in `Requester.user`, what is not done."""
        self._background.spawn(self._refuse(to, sentence, user))

    async def _refuse(self, to: ReplyAddress, sentence: str, user: str) -> None:
        ref = await self._tell(to, sentence)
        if ref is not None:
            await self._side.refused(to, ref, user)
