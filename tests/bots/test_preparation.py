"""What a request costs is known before its picture is fetched, and what is refused leaves nothing behind."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from PIL import Image
from tests.bots.test_courier import FrontEnd
from tests.system.conversations import moving_picture
from tests.waiting import PATIENCE

from unstill_bots.actions.variations import again
from unstill_bots.delivery.chat import FetchError
from unstill_bots.intake.inputs import ONE_PICTURE
from unstill_bots.intake.older_picture import OlderPicture
from unstill_bots.intake.rules import Terms
from unstill_bots.text.replies import Replies
from unstill_config.settings import Quota, Settings
from unstill_queue.contract.fairness import aspect_of
from unstill_queue.contract.jobs import Job, ReplyAddress, Request, Requester, State
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

FREE = {"person_jobs": 0, "chat_jobs": 0, "person_seconds": 0, "chat_seconds": 0}
EN = Replies("en")
WORDS = "Waves rolling in"


def _large() -> bytes:
    """A picture with all the pixels that a clip's usual size needs."""
    out = io.BytesIO()
    Image.new("RGB", (960, 720), "teal").save(out, "PNG")
    return out.getvalue()


LARGE = _large()


class Gates:
    """Every fetch waits at a gate of its own until the test opens it."""

    def __init__(self, front: FrontEnd) -> None:
        self.waiting: dict[str, asyncio.Event] = {}
        self.fetch = front.chat.fetch
        front.chat.fetch = self._fetch  # type: ignore[method-assign]

    async def _fetch(self, request: Request) -> bytes:
        gate = self.waiting[request.id] = asyncio.Event()
        await gate.wait()
        del self.waiting[request.id]
        return await self.fetch(request)

    async def until(self, count: int) -> list[str]:
        """The ids at the gates, once there are so many and no more come."""
        async with asyncio.timeout(PATIENCE):
            while len(self.waiting) < count:
                await asyncio.sleep(0.01)
        return list(self.waiting)

    def open(self, id: str) -> None:
        self.waiting[id].set()


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[], int]:
    """How many pictures and clips the storage holds."""
    return lambda: sum(path.is_file() for path in (tmp_path / "storage").rglob("*.*"))


@pytest.fixture
async def make(valkey: EmbeddedValkey, storage: Storage) -> AsyncIterator[Callable[..., FrontEnd]]:
    fronts = []

    def made(**quota: float) -> FrontEnd:
        front = FrontEnd(valkey.url, Settings(quota=Quota.model_validate({**FREE, **quota})), storage)
        front.chat.picture = LARGE
        fronts.append(front)
        return front

    yield made
    for front in fronts:
        await front.client.close()


def asked(n: int, *, user: str = "ann", chat: str = "c1", words: str = WORDS, aspect: float = 1.0) -> Request:
    to = ReplyAddress("terminal", chat, str(n))
    id = f"terminal:{chat}:{user}:{n}"
    return Request(id, Requester("terminal", user, chat), to, "photo", words, 1_000_000, aspect)


async def prepared(front: FrontEnd, request: Request) -> bool:
    await front.pipeline.enter(request, start=False)
    return await front.pipeline.prepare(request)


async def sentence(front: FrontEnd, request: Request) -> str:
    """Its answer, as it is shown."""
    assert await front.courier.deliver(request.id)
    return front.chat.now[-1]


async def cost(front: FrontEnd) -> float:
    """What one clip costs."""
    request = asked(99, user="dan", chat="c9")
    await prepared(front, request)
    await front.client.cancel(request.id, "dan")
    front.chat.fetched.clear()
    return (await front.ledger.read(request.id)).cost


@pytest.mark.parametrize(
    ("quota", "told"),
    [
        ({"person_jobs": 1}, "You have 1 clips in the making already"),
        ({"chat_jobs": 1}, "This chat has 1 clips in the making already"),
        ({"person_seconds": 1.5}, "of computing for today are used up"),
        ({"chat_seconds": 1.5}, "This chat's"),
    ],
)
async def test_what_is_over_a_quota_is_refused_before_its_picture_is_fetched(
    make: Callable[..., FrontEnd], stored: Callable[[], int], quota: dict[str, float], told: str
) -> None:
    # Given room for one clip, which is taken; seconds are those that one and a half clips need
    one = await cost(make())
    front = make(**{name: most if name.endswith("jobs") else most * one for name, most in quota.items()})
    assert await prepared(front, asked(1))
    before = stored()
    # When another one is asked for
    second = asked(2)
    assert not await prepared(front, second)
    # Then it is refused, fetched was the first one alone, and nothing more is stored
    assert told in await sentence(front, second)
    assert (front.chat.fetched, stored()) == ([asked(1).id], before)
    # and what may be asked on the way in says the same
    objection = await front.pipeline.objection(second.requester, WORDS)
    assert objection is not None and told in objection.said
    assert objection.code == f"quota_{next(iter(quota))}"
    assert (await front.pipeline.objection(second.requester, None) is None) == ("seconds" in next(iter(quota)))


async def test_a_pictures_shape_counts_as_far_as_the_platform_tells_it(make: Callable[..., FrontEnd]) -> None:
    # Given seconds for a square picture's clip, and no more
    front = make(person_seconds=make().pipeline._preparation.estimate(WORDS, ONE_PICTURE, Replies())[0] * 1.01)
    # When a picture is asked for of which the platform says that it is four times as long as it is high
    assert not await prepared(front, asked(1, aspect=aspect_of(640, 160)))
    # Then it is refused unseen; where the platform does not tell, one of 4:3 is fetched to see
    assert front.chat.fetched == []
    assert not await prepared(front, asked(2))
    assert front.chat.fetched == [asked(2).id]


async def test_a_job_says_the_frame_that_its_photo_and_its_shape_need(make: Callable[..., FrontEnd]) -> None:
    # Given a photo of 960 by 720
    front = make()
    asked_for = {
        "waves": (720, None, None),
        "waves --res 256": (256, None, None),
        "waves --shape square": (720, 720, 720),
        "waves --shape reels --fill blur": (720, None, None),
        "waves --shape reels --fill crop": (720, 404, 720),
    }
    for n, (words, size) in enumerate(asked_for.items()):
        # When a clip of some shape is asked for
        assert await prepared(front, asked(n, words=words))
        # Then the engine is told what to render, and what that costs counts
        record = await front.ledger.read(asked(n).id)
        assert record.job is not None
        made = record.job.parameters
        assert (made.resolution, made.width, made.height) == size
        pixels = made.width * made.height if made.width and made.height else made.resolution**2 * 4 / 3
        assert record.cost == pytest.approx(0.2 + 0.04 * 72 * pixels / 1e6, rel=0.01)


async def test_a_chats_own_limit_is_told_in_its_own_words_before_anything_is_fetched(
    make: Callable[..., FrontEnd],
) -> None:
    front = make()

    async def rule(request: Request) -> Terms:
        return Terms(jobs=1, full="This chat is full.")

    front.rules = rule
    assert await prepared(front, asked(1))
    assert not await prepared(front, asked(2, user="bob"))
    assert await sentence(front, asked(2, user="bob")) == "This chat is full."
    assert front.chat.fetched == [asked(1).id]


@pytest.mark.parametrize("why", ["words", "picture", "quota", "cancel", "rule"])
async def test_what_is_refused_leaves_nothing_in_storage(
    make: Callable[..., FrontEnd], stored: Callable[[], int], why: str
) -> None:
    front = make(person_jobs=1)
    request = asked(1, words="waves --sede 7" if why == "words" else WORDS)
    if why == "picture":
        front.chat.picture = b"ffconcat version 1.0\nfile /etc/passwd\n"
    if why == "rule":

        async def rule(request: Request) -> Terms:
            return Terms("Only admins.")

        front.rules = rule
    gates = Gates(front)
    preparing = asyncio.create_task(prepared(front, request))
    if why in ("picture", "quota", "cancel"):
        await gates.until(1)
        if why == "quota":
            # another process queues that person's other request meanwhile
            other = asked(2)
            await front.pipeline.enter(other, start=False)
            job = await _job(front, other)
            assert await front.client.submit(job, cost=1.0)
        elif why == "cancel":
            await front.client.cancel(request.id, "ann")
        gates.open(request.id)
    await preparing
    assert (await front.ledger.read(request.id)).state in (State.FAILED, State.CANCELLED)
    assert stored() == 0


async def _job(front: FrontEnd, request: Request) -> Job:
    _, parameters, finish = front.pipeline._preparation._read(request.words)
    return Job(request.id, request.requester, request.reply_to, "pictures/x", parameters, finish, 1_000_000)


async def test_a_picture_stays_whose_job_is_queued_though_the_answer_to_that_was_lost(
    make: Callable[..., FrontEnd], stored: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    front = make()
    submit = front.client.submit

    async def repeated(job: Job, *, cost: float, chat_jobs: int = 0) -> bool:
        # what the connection does when an answer does not arrive
        await submit(job, cost=cost, chat_jobs=chat_jobs)
        return await submit(job, cost=cost, chat_jobs=chat_jobs)

    monkeypatch.setattr(front.client, "submit", repeated)
    assert await prepared(front, asked(1))
    record = await front.ledger.read(asked(1).id)
    assert record.state is State.QUEUED and record.job is not None
    assert await front.storage.get(record.job.picture)
    assert stored() == 1


async def test_of_many_over_a_quota_at_most_one_is_fetched_in_vain(
    make: Callable[..., FrontEnd], stored: Callable[[], int]
) -> None:
    # Given a quota of five, and a person who sends twenty pictures into four chats at once
    front = make(person_jobs=5)
    requests = [asked(n, chat=f"c{n % 4}") for n in range(20)]
    for request in requests:
        await front.pipeline.enter(request, start=False)
    # When all are prepared, some of them twice
    await asyncio.gather(*(front.pipeline.prepare(request) for request in (*requests, *requests[:5])))
    # Then five are queued, each of the others is answered, and at most six pictures were fetched and five are stored
    states = [(await front.ledger.read(request.id)).state for request in requests]
    assert (states.count(State.QUEUED), states.count(State.FAILED)) == (5, 15)
    assert len(front.chat.fetched) <= 6
    assert stored() == 5


async def test_channels_of_one_chat_are_fetched_for_as_one_person(make: Callable[..., FrontEnd]) -> None:
    front = make(person_jobs=1)
    for n in range(4):
        request = asked(n, user=f"-{n}")
        who = msgspec.structs.replace(request.requester, persona=True)
        await prepared(front, msgspec.structs.replace(request, requester=who))
    assert len(front.chat.fetched) == 1


async def test_one_persons_pictures_are_fetched_two_at_a_time_and_anothers_beside_them(
    make: Callable[..., FrontEnd],
) -> None:
    # Given a person whose eight pictures in four chats do not arrive
    front = make()
    gates = Gates(front)
    flood = [asked(n, chat=f"c{n % 4}") for n in range(8)]
    tasks = [asyncio.create_task(prepared(front, request)) for request in flood]
    held = await gates.until(2)
    # When others ask for theirs, in a chat of their own and in one of those
    others = [asked(1, user="bob", chat="c0"), asked(1, user="cyd", chat="d")]
    tasks += [asyncio.create_task(prepared(front, request)) for request in others]
    # Then theirs are fetched, and two of the first person's
    assert set(await gates.until(4)) == {*held, *(request.id for request in others)}
    # and for each that is done the next one is fetched, until all are
    for _ in range(10):
        async with asyncio.timeout(PATIENCE):
            while not gates.waiting:
                await asyncio.sleep(0.01)
        mine = [id for id in gates.waiting if ":ann:" in id]
        assert len(mine) <= 2
        gates.open(next(iter(gates.waiting)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert await asyncio.gather(*tasks) == [True] * 10


async def test_the_same_picture_again_is_what_was_stored_and_outlives_it(make: Callable[..., FrontEnd]) -> None:
    # Given a request that is queued, and a platform that has lost its picture since
    front = make()
    front.chat.picture = moving_picture()
    first = asked(1)
    assert await prepared(front, first)
    record = await front.ledger.read(first.id)
    assert record.job is not None and record.job.notes == ("picture_first_frame",)
    picture = await front.storage.get(record.job.picture)
    front.chat.errors["fetch"] = [FetchError("picture_gone", "not found")] * 9
    # When the same picture is asked for again
    assert OlderPicture.of(record) == OlderPicture(
        "photo", 1.0, record.job.picture, notes=record.job.notes, job=first.id
    )
    second = again(record, f"{first.id}~2", WORDS)
    assert await prepared(front, second)
    # Then it is made of the stored one, at the same cost, with the notes on it, and has a copy of its own
    newer = await front.ledger.read(second.id)
    assert newer.job is not None and newer.job.picture != record.job.picture
    assert newer.job.notes == record.job.notes
    await front.storage.delete(record.job.picture)
    assert await front.storage.get(newer.job.picture) == picture
    assert newer.cost == record.cost


async def test_where_the_stored_picture_is_gone_its_platform_is_asked_and_then_the_person(
    make: Callable[..., FrontEnd],
) -> None:
    front = make()
    first = asked(1)
    assert await prepared(front, first)
    record = await front.ledger.read(first.id)
    assert record.job is not None
    # Given a stored picture that is gone
    await front.storage.delete(record.job.picture)
    # When it is asked for again, then the platform is asked
    second = again(record, f"{first.id}~2", WORDS)
    assert await prepared(front, second)
    assert front.chat.fetched == [first.id, second.id]
    # and where it is gone there too, the person is asked to send it, and nothing more can be made of it
    front.chat.errors["fetch"] = [FetchError("picture_gone", "not found")]
    third = again(record, f"{first.id}~3", WORDS)
    assert not await prepared(front, third)
    assert "Send it again" in await sentence(front, third)
    assert OlderPicture.of(await front.ledger.read(third.id)) is None
