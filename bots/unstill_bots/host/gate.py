"""A bounded number of slots, given out in turn over chats and, within a chat, over accounts."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator


class FairGate:
    """At most `most` hold a slot at a time, `chat_most` of one chat and `account_most` of one account among them.

    A free slot goes to the chat that was given one longest ago, and in it to such an account, but for chats and
    accounts that have their most; what one account asks for in one chat goes by arrival. So whoever waits gets a slot
    as long as those who have one give it back, however many others come.
    """

    def __init__(self, most: int, chat_most: int, account_most: int) -> None:
        self._most = most
        self._chat_most = chat_most
        self._account_most = account_most
        self._chats: Counter[str] = Counter()
        self._accounts: Counter[str] = Counter()
        # chat, account, arrivals: dicts keep their order, and whoever was served goes to the end
        self._waiting: dict[str, dict[str, deque[asyncio.Future[None]]]] = {}

    @contextlib.asynccontextmanager
    async def slot(self, chat: str, account: str) -> AsyncIterator[None]:
        """Wait for a slot, and hold it."""
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(chat, {}).setdefault(account, deque()).append(granted)
        self._give_out()
        try:
            await granted
        except asyncio.CancelledError:
            if granted.cancelled():
                self._forget(chat, account, granted)
            else:
                self._leave(chat, account)
            raise
        try:
            yield
        finally:
            self._leave(chat, account)

    def is_free(self, chat: str, account: str) -> bool:
        """Return whether a slot would be granted at once."""
        return (
            not self._waiting
            and self._chats.total() < self._most
            and self._chats[chat] < self._chat_most
            and self._accounts[account] < self._account_most
        )

    def _give_out(self) -> None:
        while self._chats.total() < self._most and (next_one := self._next()) is not None:
            chat, account = next_one
            accounts = self._waiting.pop(chat)
            line = accounts.pop(account)
            granted = line.popleft()
            if line:
                accounts[account] = line
            if accounts:
                self._waiting[chat] = accounts
            if granted.cancelled():
                # whoever waited was cancelled in this moment, and has not heard of it yet
                continue
            self._chats[chat] += 1
            self._accounts[account] += 1
            granted.set_result(None)

    def _next(self) -> tuple[str, str] | None:
        for chat, accounts in self._waiting.items():
            if self._chats[chat] < self._chat_most:
                for account in accounts:
                    if self._accounts[account] < self._account_most:
                        return chat, account
        return None

    def _leave(self, chat: str, account: str) -> None:
        for held, name in ((self._chats, chat), (self._accounts, account)):
            held[name] -= 1
            if not held[name]:
                del held[name]
        self._give_out()

    def _forget(self, chat: str, account: str, granted: asyncio.Future[None]) -> None:
        """Somebody no longer waits."""
        line = self._waiting.get(chat, {}).get(account, deque())
        if granted not in line:
            return
        line.remove(granted)
        if not line:
            del self._waiting[chat][account]
        if not self._waiting[chat]:
            del self._waiting[chat]
