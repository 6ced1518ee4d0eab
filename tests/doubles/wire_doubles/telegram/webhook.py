"""Updates brought to the bot's own address, one lane in order, several lanes at once, again until it says 2xx."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from wire_doubles.clock import Clock
from wire_doubles.telegram.errors import bad_request
from wire_doubles.telegram.requests import Call
from wire_doubles.telegram.updates import Update, Updates

SECRET = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  a header's name
MAX_WAIT = 2.0


@dataclass
class Address:
    url: str
    secret: str
    connections: int
    tried: int = 0
    delivered: int = 0
    error: str = ""
    error_at: int = 0


class Webhook:
    """Plain http is taken, which the platform refuses; between tries it waits `retry_seconds`, doubling."""

    def __init__(self, updates: Updates, clock: Clock) -> None:
        self._updates = updates
        self._clock = clock
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: ClientSession | None = None
        self.address: Address | None = None
        self.retry_seconds = 0.1

    def set(self, call: Call) -> bool:
        """Raises 400."""
        url = call.text("url")
        secret = call.text("secret_token")
        if url and not re.match(r"https?://", url):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise bad_request("secret token contains unallowed characters")
        if call.flag("drop_pending_updates"):
            self._updates.drop()
        self._updates.allow(call.json("allowed_updates"))
        self.address = Address(url, secret, call.number("max_connections", 40)) if url else None
        self._updates.webhook_set = bool(url)
        self._updates.wake()
        self.deliver()
        return True

    def delete(self, call: Call) -> bool:
        if call.flag("drop_pending_updates"):
            self._updates.drop()
        self.address = None
        self._updates.webhook_set = False
        return True

    def info(self) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "url": self.address.url if self.address else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._updates.pending()),
        }
        if self.address:
            wire["max_connections"] = self.address.connections
            if self.address.error:
                wire |= {"last_error_date": self.address.error_at, "last_error_message": self.address.error}
        if self._updates.allowed is not None:
            wire["allowed_updates"] = sorted(self._updates.allowed)
        return wire

    def deliver(self) -> None:
        """Start what can start; in the server's loop."""
        address = self.address
        if address is None:
            return
        for update in self._updates.pending():
            if len(self._busy) >= address.connections:
                return
            if update.lane not in self._busy:
                self._busy.add(update.lane)
                task = asyncio.create_task(self._bring(update, address))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        for task in list(self._tasks):
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._session:
            await self._session.close()
            self._session = None

    async def _bring(self, update: Update, address: Address) -> None:
        wait = self.retry_seconds
        try:
            while self.address is address:
                address.tried += 1
                error = await self._post(update, address)
                if not error:
                    address.delivered += 1
                    self._updates.confirm(update)
                    break
                address.error, address.error_at = error, self._clock.date()
                await asyncio.sleep(wait)
                wait = min(wait * 2, MAX_WAIT)
        finally:
            self._busy.discard(update.lane)
        self.deliver()

    async def _post(self, update: Update, address: Address) -> str:
        self._session = self._session or ClientSession(timeout=ClientTimeout(total=60))
        headers = {SECRET: address.secret} if address.secret else {}
        try:
            async with self._session.post(address.url, json=update.wire(), headers=headers) as answer:
                await answer.read()
                return "" if answer.ok else f"Wrong response from the webhook: {answer.status} {answer.reason}"
        except TimeoutError:
            return "Read timeout expired"
        except ClientError as error:
            return f"Connection failed: {type(error).__name__}"
