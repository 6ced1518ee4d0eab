"""What a group has set about who may ask for clips, and how many at a time."""

from __future__ import annotations

from unstill_bots.actions.preferences import PreferenceStore
from unstill_bots.intake.rules import Terms
from unstill_bots.telegram.members import Members
from unstill_bots.telegram.memory import Memory
from unstill_bots.telegram.pending import PLATFORM
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.jobs import Request


class GroupRules:
    """Says which terms hold for a request in a group, by the ids that chats have today."""

    def __init__(self, preferences: PreferenceStore, memory: Memory, members: Members) -> None:
        self._preferences = preferences
        self._memory = memory
        self._members = members

    async def __call__(self, request: Request) -> Terms:
        """Raises ChatUnavailable where Telegram cannot say now who its admins are."""
        who, replies = request.requester, ChatReplies(request.requester.language)
        if not who.chat.startswith("-"):
            return Terms()
        today = await self._memory.current(who.chat)
        rules = await self._preferences.get(f"{PLATFORM}:{today}")
        if rules.who == "admins" and not await self._members.admin(today, await self._memory.current(who.user)):
            return Terms(replies.only_admins())
        return Terms.of(rules, replies)
