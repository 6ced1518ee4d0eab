"""Early looks: which of them are shown, and how, by the settings of host, chat and person and by the rating."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import structlog

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.delivery.chat import Chat
from unstill_bots.delivery.message import EarlyLook
from unstill_bots.host.background import BackgroundTasks
from unstill_bots.safety.checks import COVERED_PICTURE, Safety, Shown
from unstill_config.catalog import Catalog
from unstill_config.settings import Looks
from unstill_queue.contract.jobs import ReplyAddress
from unstill_queue.ledger.ledger import Record

log = structlog.get_logger(__name__)

MOST_KNOWN = 10_000
"""Jobs of which is remembered how their look is shown, the newest."""
ASK_EVERY, TRIES = 0.3, 3
"""Seconds between two times that a chat is asked for room, and how often a look is tried to be shown."""


class EarlyLooks:
    """Says how the early looks of one front end are shown. A look that may not be shown is None, as if there were none.

    Where pictures are rated, a look is rated beside whatever else happens, and shown only then. `host` is what the host
    has set.
    """

    def __init__(self, host: Looks, preferences: PreferenceStore, safety: Safety, catalog: Catalog, chat: Chat) -> None:
        self._host = host
        self._preferences = preferences
        self._safety = safety
        self._catalog = catalog
        self._chat = chat
        self._rating = BackgroundTasks()
        # Whether it is covered; None: it is not shown.
        self._known: OrderedDict[str, bool | None] = OrderedDict()
        self._asked: set[str] = set()

    def wanted(self, rules: Preferences, to: ReplyAddress) -> bool:
        """Return whether an early look is to be made for a request that is answered there, in a chat with those rules.

        What a person has set for themselves is asked only once there is one.
        """
        if self._host == "never" or not self._chat.is_public(to):
            return self._host != "never"
        return rules.look == "on" or (not rules.look and self._host == "always")

    async def of(self, record: Record) -> EarlyLook | None:
        """Return the early look at a running job; None where there is none, or it is not to be shown, or not yet: then
        its rating has begun. Raises RedisError.
        """
        if not record.look or record.job is None:
            return None
        if record.id not in self._known:
            if self._safety.rates:
                if record.id not in self._asked:
                    self._asked.add(record.id)
                    self._rating.spawn(self._rate(record))
                return None
            self._remember(record.id, await self._covered(record))
        covered = self._known[record.id]
        model = self._catalog.models.get(record.job.parameters.model)
        if covered is None or model is None:
            return None
        reseeds = "seed" in model.abilities and not model.moves
        return EarlyLook(record.look, spoiler=covered, synthetic=model.synthetic, reseeds=reseeds)

    async def show(
        self, id: str, *, waits: Callable[[], bool], room: Callable[[], bool], show: Callable[[str], Awaitable[None]]
    ) -> None:
        """Call `show` for a job whose look has come, as soon as it is rated and there is `room` for it, a few times at
        most, for as long as it `waits` for that.
        """
        tries = TRIES
        while tries and waits():
            if id in self._asked or not room():
                await asyncio.sleep(ASK_EVERY)
                continue
            await show(id)
            tries -= id not in self._asked

    def withhold(self, id: str) -> None:
        """Show no look at a job any more, as its chat takes none."""
        self._remember(id, None)

    def forget(self, id: str) -> None:
        """Forget a job that is answered."""
        self._known.pop(id, None)

    async def close(self) -> None:
        """Rate nothing more."""
        await self._rating.drain(0)

    async def _rate(self, record: Record) -> None:
        try:
            self._remember(record.id, await self._covered(record))
        except Exception:
            # it was only a look, and nobody waits for this task
            log.exception("an early look could not be rated", job=record.id)
            self._remember(record.id, None)
        finally:
            self._asked.discard(record.id)

    async def _covered(self, record: Record) -> bool | None:
        """Return whether a look is covered; None where it is not shown. Raises RedisError."""
        request = record.request
        who, to = request.requester, request.reply_to
        force = await self._preferences.of(who.person, who.place)
        if not self._chat.is_public(to) and force.own.look == "off":
            return None
        shown = await self._safety.look(record.look, self._safety.policy(force.chat, to))
        if shown is Shown.REFUSED:
            return None
        return force.chat.spoiler or request.spoiler or shown is Shown.COVERED or COVERED_PICTURE in record.notes

    def _remember(self, id: str, covered: bool | None) -> None:
        self._known[id] = covered
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
