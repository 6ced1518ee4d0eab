"""A chat's own rules about who may ask for clips, and how many at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.actions.presses import SETTINGS
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.replies import Replies
from unstill_queue.contract.errors import QuotaExceeded
from unstill_queue.contract.jobs import Request


class Terms(msgspec.Struct, frozen=True):
    """The terms of a chat's rules for one request: the sentence that refuses it, or the most jobs that may be open.

    `jobs` 0: no rule. `full` is the sentence for one too many. `quiet`: the chat wants no messages but answers. `rules`
    are all that it has set.
    """

    refusal: str | None = None
    jobs: int = 0
    full: str = ""
    quiet: bool = False
    rules: Preferences = Preferences()

    @classmethod
    def of(cls, rules: Preferences, replies: ChatReplies) -> Terms:
        """Return the terms of a chat that has set `rules` and speaks by `replies`."""
        full = replies.chat_full(rules.jobs) if rules.jobs else ""
        return cls(jobs=rules.jobs, full=full, quiet=rules.quiet, rules=rules)

    def too_much(self, error: QuotaExceeded, replies: Replies) -> str:
        """Return the sentence for a quota that is used up, in the chat's own words where the chat has set it."""
        own = self.jobs and (error.quota, error.scope, error.limit) == ("jobs", "chat", self.jobs)
        return self.full if own else replies.quota(error)


Rules = Callable[[Request], Awaitable[Terms]]
"""Says which terms hold for a request. Raises ChatError where it cannot tell now: the request is then brought back."""


class Members(Protocol):
    """A platform's knowledge of its chats and of who is in them."""

    def is_group(self, chat: str) -> bool:
        """Return whether a chat can have rules of its own."""

    async def current(self, chat: str) -> str:
        """Return the id that a chat or person has today."""

    async def admin(self, chat: str, user: str) -> bool:
        """Return whether somebody is an admin of a chat. Raises ChatUnavailable where nobody can say now."""


class ChatRules:
    """Looks at what a chat has set, once a request is written down. `members` None: all may ask, in any chat."""

    def __init__(
        self, preferences: PreferenceStore, replies: type[ChatReplies], members: Members | None = None
    ) -> None:
        self._preferences = preferences
        self._replies = replies
        self._members = members

    async def __call__(self, request: Request) -> Terms:
        """Return the terms of a request. Raises RedisError; ChatUnavailable where nobody can say now who is admin."""
        who, members = request.requester, self._members
        replies = self._replies(who.language)
        if members is None:
            return Terms.of(await self._preferences.get(who.place), replies)
        if not members.is_group(who.chat):
            return Terms()
        today = await members.current(who.chat)
        rules = await self._preferences.get(f"{who.platform}:{today}")
        if rules.who == "admins" and not await members.admin(today, await members.current(who.user)):
            return Terms(replies.only_admins())
        return Terms.of(rules, replies)


def is_heard(rules: Preferences, thread: str | None, command: str = "") -> bool:
    """Return whether a message in a chat that has set `rules` is looked at, by the topic and the command in it.

    The settings are, everywhere: they are how a chat comes back.
    """
    elsewhere = rules.thread and thread != rules.thread
    return command == SETTINGS or not (rules.when == "off" or elsewhere)


def wants_every_photo(rules: Preferences) -> bool:
    """Return whether a chat that has set `rules` wants photos to be answered that are not sent to the bot."""
    return rules.when == "photos"


async def no_rules(request: Request) -> Terms:
    """Let everything through that the host's quotas allow."""
    return Terms()
