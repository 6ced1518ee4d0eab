"""A chat's own rules about who may ask for clips, and how many at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.replies import Replies
from unstill_queue.contract.errors import QuotaExceeded
from unstill_queue.contract.jobs import Request


class Terms(msgspec.Struct, frozen=True):
    """What a chat's rules say of one request: the sentence that refuses it, or the most jobs the chat may have open.

    `jobs` 0: no rule. `full` is the sentence for one too many.
    """

    refusal: str | None = None
    jobs: int = 0
    full: str = ""

    @classmethod
    def of(cls, rules: Preferences, replies: ChatReplies) -> Terms:
        """Return the terms of a chat that has set `rules` and speaks by `replies`."""
        return cls(jobs=rules.jobs, full=replies.chat_full(rules.jobs)) if rules.jobs else cls()

    def too_much(self, error: QuotaExceeded, replies: Replies) -> str:
        """Return the sentence for a quota that is used up, in the chat's own words where the chat has set it."""
        own = self.jobs and (error.quota, error.scope, error.limit) == ("jobs", "chat", self.jobs)
        return self.full if own else replies.quota(error)


Rules = Callable[[Request], Awaitable[Terms]]
"""Says which terms hold for a request. Raises ChatError where it cannot tell now: the request is then brought back."""


class ChatRules:
    """The rules of chats that have only their number of jobs to look at once a request is written down."""

    def __init__(self, preferences: PreferenceStore, replies: type[ChatReplies]) -> None:
        self._preferences = preferences
        self._replies = replies

    async def __call__(self, request: Request) -> Terms:
        """Raises RedisError."""
        who = request.requester
        return Terms.of(await self._preferences.get(who.place), self._replies(who.language))


async def no_rules(request: Request) -> Terms:
    """Let everything through that the host's quotas allow."""
    return Terms()
