"""What a server has set, and what quotas leave, as it is refused to a person."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from unstill_bots.discord.rules import forbidden, over_quota
from unstill_bots.discord.wording import DiscordReplies
from unstill_bots.preferences import Preferences
from unstill_config.settings import Queue, Quota
from unstill_queue.connection import connect
from unstill_queue.embedded import EmbeddedValkey
from unstill_queue.errors import QuotaExceeded
from unstill_queue.jobs import Finish, Job, Parameters, ReplyAddress, Request, Requester
from unstill_queue.ledger import Ledger, Used

EN = DiscordReplies("en")
FREE = Quota(person_jobs=0, chat_jobs=0, person_seconds=0, chat_seconds=0)


@pytest.fixture
async def ledger(valkey: EmbeddedValkey) -> AsyncIterator[Ledger]:
    redis: Redis = connect(valkey.url)
    yield Ledger(redis, Queue())
    await redis.aclose()


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (Preferences(), None),
        (Preferences(channels=("1",), roles=("7",)), None),
        (Preferences(channels=("3", "2")), None),
        (Preferences(channels=("3", "4")), "This server makes clips only in <#3> <#4>. Ask there."),
        (Preferences(roles=("9",)), "This server lets only some roles ask for clips. Ask one of its admins."),
    ],
)
def test_channels_their_threads_and_roles(rules: Preferences, told: str | None) -> None:
    # Given somebody with roles 7 and 8 in thread 1 of channel 2
    assert forbidden(rules, {"1", "2"}, {"7", "8"}, EN) == told


@pytest.mark.parametrize(
    ("most", "used", "over"),
    [
        (FREE, Used(99, 99, 9e9, 9e9), None),
        (Quota(), Used(4, 49, 1799.0, 7199.0), None),
        (Quota(), Used(5, 0, 0.0, 0.0), ("jobs", "person")),
        (Quota(), Used(0, 50, 0.0, 0.0), ("jobs", "chat")),
        (Quota(), Used(0, 0, 1800.0, 0.0), ("seconds", "person")),
        (Quota(), Used(0, 0, 0.0, 7200.0), ("seconds", "chat")),
    ],
)
def test_a_quota_is_over_when_it_leaves_nothing(most: Quota, used: Used, over: tuple[str, str] | None) -> None:
    found = over_quota(used, most)

    assert over == (None if found is None else (found.quota, found.scope))
    assert found is None or EN.quota(found)


async def test_what_is_used_is_what_the_ledger_counts(ledger: Ledger) -> None:
    who = Requester("discord", "9", "5")
    most = FREE.model_copy(update={"person_jobs": 2})

    async def queue(number: int) -> None:
        to = ReplyAddress("discord", "5", str(number))
        request = Request(f"discord:5:{number}", who, to, "{}", "waves", 1_000_000)
        parameters = Parameters("camera", "waves", seed=1, num_frames=8, fps=8, resolution=64)
        await ledger.accept(request)
        await ledger.queue(
            Job(request.id, who, to, "pictures/x", parameters, Finish(), 1_000_000, 0.0), cost=2.5, quota=most
        )

    # Given two jobs that are queued, which is all that there may be
    assert await ledger.used(who.account, who.place) == Used(0, 0, 0.0, 0.0)
    await queue(1)
    assert over_quota(await ledger.used(who.account, who.place), most) is None
    await queue(2)

    # Then both say so: what is asked beforehand, and the ledger itself
    used = await ledger.used(who.account, who.place)
    assert used == Used(2, 2, 5.0, 5.0)
    assert over_quota(used, most) is not None
    with pytest.raises(QuotaExceeded):
        await queue(3)

    # and one that is cancelled makes room, and gives its seconds back
    await ledger.cancel("discord:5:1", who.person)
    assert await ledger.used(who.account, who.place) == Used(1, 1, 2.5, 2.5)
