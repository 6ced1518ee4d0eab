"""Reports of clips: what somebody finds wrong with one goes to who hosts the bots, under names that tell nobody."""

from __future__ import annotations

from typing import Any

from unstill_bots.actions.presses import Actor, Thing
from unstill_bots.delivery.enclosures import enclosed
from unstill_bots.delivery.notices import Notices
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.jobs import Succeeded
from unstill_queue.ledger.ledger import Record

WINDOW = 3600
PERSON_MOST, ALL_MOST = 5, 30
"""Reports that are taken from one person, and from all, in so many seconds."""


class Reporting:
    """Takes the reports of one front end."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._redis: Any = pipeline.client.redis
        self._names = pipeline.client.ledger.names
        self._hosts = pipeline.settings.bots.hosts
        self._notices = Notices(pipeline.client, pipeline.settings, pipeline.catalog)

    async def report(
        self, record: Record | None, thing: Thing | None, actor: Actor, person: str, replies: ChatReplies
    ) -> str:
        """Tell the hosts of a clip, once, and return what to say to who reports it: `person`, as in `Requester.person`,
        who acts at the message that shows it. Raises RedisError.
        """
        if not self._hosts:
            return replies.nobody_to_report_to()
        made = record.outcome if record is not None and not record.forgotten else None
        at_it = thing is not None and (thing.chat, thing.message) == (actor.chat, actor.message)
        if record is None or not isinstance(made, Succeeded) or not at_it:
            return replies.nothing_to_report()
        reporter = self._names.name("account", person)
        if not await self._has_room(reporter):
            return replies.too_many_reports()
        who = record.request.requester
        asked, place = self._names.name("account", who.account), self._names.name("place", who.place)
        platform = who.platform
        await self._notices.tell(
            f"report {record.id}",
            lambda host: host.news_of_report(platform, asked, place, reporter),
            details=enclosed(made),
        )
        return replies.reported()

    async def _has_room(self, reporter: str) -> bool:
        async with self._redis.pipeline(transaction=True) as pipe:
            for name in (reporter, "all"):
                pipe.set(f"unstill:reports:{name}", 0, ex=WINDOW, nx=True)
                pipe.incr(f"unstill:reports:{name}")
            _, own, _, everybody = await pipe.execute()
        return bool(own <= PERSON_MOST and everybody <= ALL_MOST)
