"""Which early looks are shown, and how: by host, chat, person, and the rating of the real network."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from PIL import Image
from redis.asyncio import Redis
from tests.waiting import until

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.delivery.looks import EarlyLooks
from unstill_bots.delivery.message import EarlyLook
from unstill_bots.delivery.standing_looks import StandingLooks
from unstill_bots.safety.checks import COVERED_PICTURE, Safety
from unstill_bots.safety.rating import Rating
from unstill_bots.telegram.chat import TelegramChat
from unstill_config.catalog import Catalog
from unstill_config.safety import Policy
from unstill_config.safety import Safety as SafetySettings
from unstill_config.settings import Looks
from unstill_queue.contract.jobs import Finish, Job, Parameters, ReplyAddress, Request, Requester, State
from unstill_queue.ledger.ledger import Record
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

RED, BLUE = (208, 16, 16), (16, 16, 208)
"""The network rates plain red as 0.10 and plain blue as 0.01."""
BETWEEN = 0.05
ANN, GROUP = "7", "-100"

pytestmark = pytest.mark.asyncio(loop_scope="module")


def still(colour: tuple[int, int, int] = BLUE) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), colour).save(out, "JPEG")
    return out.getvalue()


@pytest_asyncio.fixture(loop_scope="module")
async def redis(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    client = connect(valkey.url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rating() -> AsyncIterator[Rating]:
    async with Rating() as started:
        yield started


def early(redis: Redis, host: Looks = "private", safety: Safety | None = None) -> EarlyLooks:
    # a chat is asked only whether it is public, which its id says
    chat = TelegramChat.__new__(TelegramChat)
    return EarlyLooks(host, PreferenceStore(redis), safety or Safety(), Catalog.load(), chat)


def running(
    chat: str = ANN,
    look: bytes | None = None,
    *,
    model: str = "i2vgen-xl",
    spoiler: bool = False,
    notes: tuple[str, ...] = (),
) -> Record:
    who, to = Requester("telegram", ANN, chat), ReplyAddress("telegram", chat, "1")
    request = Request(f"telegram:{chat}:1", who, to, "x", "waves", 10**6, spoiler=spoiler)
    parameters = Parameters(model, "waves", 1, 8, 8, 64)
    job = Job(request.id, who, to, "p", parameters, Finish(), 10**6, notes=notes, look=True)
    return Record(request.id, State.RUNNING, request, 0.0, job=job, look=still() if look is None else look)


@pytest.mark.parametrize(
    ("host", "chat", "rules", "expected"),
    [
        ("private", ANN, "", True),
        ("private", GROUP, "", False),
        ("private", GROUP, "on", True),
        ("always", GROUP, "", True),
        ("always", GROUP, "off", False),
        ("never", ANN, "", False),
        ("never", GROUP, "on", False),
    ],
)
async def test_a_look_is_made_where_host_and_chat_want_one(
    redis: Redis, host: Looks, chat: str, rules: str, expected: bool
) -> None:
    chosen = Preferences(look=rules)  # type: ignore[arg-type]
    assert early(redis, host).wanted(chosen, ReplyAddress("telegram", chat, "1")) is expected


async def test_who_wants_none_in_their_own_chat_is_shown_none(redis: Redis) -> None:
    looks, store = early(redis, "always"), PreferenceStore(redis)
    assert await looks.of(running()) == EarlyLook(still(), synthetic=True, reseeds=True)
    # a look that is not there is none
    assert await looks.of(running(look=b"")) is None
    # When a person wants none, Then they are shown none, and others in a group where they ask are
    await store.set(f"telegram:{ANN}", Preferences(look="off"))
    assert await early(redis).of(running()) is None
    assert await early(redis, "always").of(running(GROUP)) is not None


async def test_a_look_is_covered_where_its_clip_would_be(redis: Redis) -> None:
    async def covered(record: Record) -> bool:
        look = await early(redis, "always").of(record)
        assert look is not None
        return look.spoiler

    assert not await covered(running())
    assert await covered(running(spoiler=True))
    assert await covered(running(notes=(COVERED_PICTURE,)))
    await PreferenceStore(redis).set(f"telegram:{GROUP}", Preferences(spoiler=True))
    assert await covered(running(GROUP))
    # and a camera's clip, if it had a look, was drawn by nobody, and another seed would change nothing
    assert await early(redis).of(running(model="camera")) == EarlyLook(still())


@pytest.mark.parametrize(
    ("policy", "colour", "expected"),
    [
        ("refuse", BLUE, "open"),
        ("refuse", RED, "withheld"),
        ("spoiler", BLUE, "open"),
        ("spoiler", RED, "covered"),
        ("allow", RED, "open"),
    ],
)
async def test_a_look_is_rated_before_it_is_shown(
    redis: Redis, rating: Rating, policy: Policy, colour: tuple[int, int, int], expected: str
) -> None:
    settings = SafetySettings(rating=True, threshold=BETWEEN, policy=policy, loosest="allow")
    looks, record = early(redis, safety=Safety(settings, rating=rating)), running(look=still(colour))
    shown: list[EarlyLook | None] = []

    async def show(id: str) -> None:
        shown.append(await looks.of(record))

    # When a look comes, then it is not shown while it is rated, and shown as soon as it may be, where it may
    await looks.show(record.id, waits=lambda: not any(shown), room=lambda: True, show=show)
    assert shown[0] is None
    last = shown[-1]
    assert ("withheld" if last is None else "covered" if last.spoiler else "open") == expected
    assert len(shown) <= 4
    await looks.close()


async def test_a_look_that_nobody_can_rate_is_not_shown(redis: Redis, rating: Rating) -> None:
    settings = SafetySettings(rating=True, threshold=BETWEEN, policy="spoiler")
    looks = early(redis, safety=Safety(settings, rating=rating))
    # Given a look that is no picture, as one would be that a broken renderer made
    record = running(look=b"\xff\xd8 nothing")
    assert await looks.of(record) is None
    await until(lambda: record.id in looks._known)
    assert await looks.of(record) is None
    # and what rates goes on with the next one, also after it was killed
    if rating.pid is not None:
        os.kill(rating.pid, signal.SIGKILL)
    record = running(GROUP)
    assert await looks.of(record) is None
    await until(lambda: record.id in looks._known)
    assert await looks.of(record) is not None
    await looks.close()


async def test_what_stands_in_messages_is_remembered_for_the_newest() -> None:
    standing = StandingLooks()
    for number in range(300):
        standing.put(str(number), b"a")
    assert "0" not in standing and standing.shows("299", b"a") and not standing.shows("299", b"b")
    standing.put("299", b"")
    assert "299" not in standing
