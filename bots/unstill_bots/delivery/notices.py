"""News that nobody asked for, told to who hosts the bots, each as the answer to a request that was never made.

So they have what answers have: they are shown once, whoever is killed, and by whoever serves the host's platform then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from unstill_bots.actions.preferences import PreferenceStore
from unstill_bots.actions.presses import CHATS
from unstill_bots.delivery.message import NOTICE
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_queue.contract.codes import SAID
from unstill_queue.contract.jobs import Failed, ReplyAddress, Request, Requester
from unstill_queue.ledger.client import Client

Say = Callable[[ChatReplies], str]
"""Makes the news in one language."""


class Notices:
    """Tells the hosts."""

    def __init__(self, client: Client, settings: Settings, catalog: Catalog) -> None:
        self._ledger = client.ledger
        self._preferences = PreferenceStore(client.redis)
        self._settings = settings
        self._catalog = catalog

    async def tell(self, key: str, say: Say, *, beside: str = "", details: Mapping[str, str] | None = None) -> int:
        """Tell each host once for each `key`, and return how many of them had not been told.

        `beside` is a platform that the news is about: hosts there are told only where there are no others. `details` as
        in `Failed`. Raises RedisError.
        """
        new = 0
        for host in self._hosts(beside):
            own = await self._preferences.get(host)
            replies = ChatReplies(own.language or self._settings.bots.language)
            outcome = Failed(SAID, say(replies), dict(details or {}))
            new += await self._ledger.notify(self._request(host, key, replies.language), outcome)
        return new

    def _hosts(self, beside: str) -> Sequence[str]:
        hosts = [host for host in self._settings.bots.hosts if host.partition(":")[0] in CHATS]
        return [host for host in hosts if host.partition(":")[0] != beside] or hosts

    def _request(self, host: str, key: str, language: str) -> Request:
        platform, _, person = host.partition(":")
        limits = self._catalog.platforms[platform]
        digest = hashlib.sha256(f"{key} {host}".encode()).hexdigest()[:24]
        # a person's own chat with the bot, wherever a platform has to open it first
        to = ReplyAddress(platform, person, "", None, {"user": person, "unseen": "1", NOTICE: "1"})
        who = Requester(platform, person, person, language)
        return Request(f"{platform}:host:{digest}", who, to, "", "", limits.upload_limit - limits.multipart_overhead)
