"""What a clip goes on from: which one, whose, whether it can, and what the longer one takes over from it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
from msgspec.structs import replace
from tests.bots.colour_references import png
from tests.bots.test_courier import FrontEnd
from tests.bots.test_request_rate import sent
from tests.bots.test_variations import EN, FREE, made, pressed

from unstill_bots.intake.objection import Objection
from unstill_bots.intake.older_picture import OlderPicture
from unstill_config.settings import Settings
from unstill_queue.contract.jobs import Failed, Job, Request, Requester, Succeeded
from unstill_queue.contract.options import EXTEND
from unstill_queue.ledger.ledger import Claim
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

SIZE = (96, 64)


@pytest.fixture
async def front(valkey: EmbeddedValkey, storage: Storage) -> AsyncIterator[FrontEnd]:
    front = FrontEnd(valkey.url, Settings(quota=FREE), storage)
    yield front
    await front.client.close()


async def with_end(front: FrontEnd, claim: Claim) -> Succeeded:
    """Return the outcome of a clip whose last frame and reel are stored."""
    frame = await front.storage.put(png(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)), kind="clips", suffix=".png")
    clip = await front.storage.put(b"mp4 bytes", kind="clips", suffix=".mp4")
    job = claim.job
    return Succeeded(clip, 9, *SIZE, 2.0, 24.0, job.parameters, False, 0.5, frame=frame, reel=clip, before=job.before)


async def clip(front: FrontEnd, words: str = "waves --fade --res 256") -> Request:
    """Return a request with a clip, from whose end another one may go on."""
    request = await front.queued(words=words)
    claim = await front.ledger.claim("camera", request.id, "engine")
    assert claim and await front.ledger.finish(claim, await with_end(front, claim))
    return request


async def why_not(front: FrontEnd, older: str, who: Requester) -> str:
    """Return the code by which nothing goes on from a request; empty where it can."""
    found = await front.pipeline.extending.base(older, who)
    return found.code if isinstance(found, Objection) else ""


async def job_of(front: FrontEnd, request: Request) -> Job:
    job = (await front.ledger.read(request.id)).job
    assert job is not None
    return job


async def test_a_press_goes_on_from_the_end_with_all_else_as_it_was(front: FrontEnd) -> None:
    # Given a clip with a fade
    first = await clip(front)
    record = await front.ledger.read(first.id)
    assert isinstance(record.outcome, Succeeded)
    # When its person presses Extend
    varied = await pressed(front, first, "1", EXTEND)
    second = await made(front, varied)
    # Then the job begins with its last frame, in its size, and names its reel and its piece
    job = await job_of(front, second)
    assert job.extends == record.outcome.reel and job.before == (record.outcome.parameters,)
    assert (job.parameters.width, job.parameters.height) == SIZE and job.finish.fade
    assert job.parameters.prompt == "waves"
    assert await front.storage.get(job.picture) == await front.storage.get(str(record.outcome.frame))
    assert job.picture != record.outcome.frame
    # and once is enough, while one more of the longer one is as ever
    assert (await pressed(front, first, "2", EXTEND)).said == EN.already()
    again = await made(front, await pressed(front, second, "3"))
    assert (await job_of(front, again)).extends == record.outcome.reel
    # When other words are said of the longer one, Then they are for the photo, and not for a frame of the clip
    older = OlderPicture.of(await front.ledger.read(second.id))
    assert older is not None and (older.source, older.stored) == (first.source, "")


async def test_what_nothing_can_go_on_from_is_said(front: FrontEnd) -> None:
    first = await clip(front)
    who = first.requester
    assert await why_not(front, first.id, who) == ""
    # somebody else's
    assert await why_not(front, first.id, replace(who, user="bob")) == "clip_not_yours"
    # one that is not made yet, or was not made
    waits = await front.queued(words="rain")
    assert await why_not(front, waits.id, who) == "clip_not_there"
    claim = await front.ledger.claim("camera", "owner", "engine")
    assert claim and await front.ledger.finish(claim, Failed("deadline"))
    assert await why_not(front, waits.id, who) == "no_clip"
    # one of the former version, of which no end is kept, and one of three pieces
    assert await why_not(front, (await front.finished()).id, who) == "end_not_kept"
    record = await front.ledger.read(first.id)
    assert isinstance(record.outcome, Succeeded)
    whole = await front.queued(words="snow")
    claim = await front.ledger.claim("camera", "another", "engine")
    assert claim
    three = replace(await with_end(front, claim), before=(claim.job.parameters,) * 2)
    assert await front.ledger.finish(claim, three)
    assert await why_not(front, whole.id, who) == "clip_whole"
    # one whose files are gone, and one of which nothing is known
    await front.storage.delete(str(record.outcome.frame))
    assert await why_not(front, first.id, who) == "piece_gone"
    assert (await pressed(front, first, "1", EXTEND)).said == EN.input_error("piece_gone", "")
    assert await why_not(front, "terminal:nothing", who) == "piece_gone"


async def test_what_is_gone_when_it_is_prepared_is_answered_and_the_photo_is_not_taken_instead(front: FrontEnd) -> None:
    # Given a request for a longer clip that is written down
    first = await clip(front)
    asked = replace(first, id=f"{first.id}~longer", words="--extend yes", older=first.id)
    assert await front.pipeline.enter(asked, start=False)
    # When the clip is deleted before it is prepared
    record = await front.ledger.read(first.id)
    for key in record.clips:
        await front.storage.delete(key)
    assert not await front.pipeline.prepare(asked)
    # Then that is the answer
    outcome = (await front.ledger.read(asked.id)).outcome
    assert isinstance(outcome, Failed) and outcome.message == EN.input_error("piece_gone", "")


async def test_words_alone_go_on_from_the_newest_clip_that_is_there_as_it_was_shown(
    front: FrontEnd,
) -> None:
    # Given a clip of a picture that was sent covered, and is somebody else's
    asked = replace(front.request(words="waves --shape square"), spoiler=True, author="by-alice")
    assert await front.pipeline.enter(asked, start=False) and await front.pipeline.prepare(asked)
    claim = await front.ledger.claim("camera", asked.id, "engine")
    assert claim and await front.ledger.finish(claim, await with_end(front, claim))
    # and a newer one that was deleted
    record = await front.ledger.read((await clip(front)).id)
    for key in record.clips:
        await front.storage.delete(key)
    # When that person writes words alone
    words = sent(replace(front.request(), source=""))
    request = await front.pipeline.request(words, "rain --extend")
    # Then it goes on from the one that is there, is covered as that is, and whoever is shown may say no
    assert (request.older, request.spoiler, request.author) == (asked.id, True, "by-alice")
    assert '--shape "square"' in request.words and await front.pipeline.refusal(words, "rain --extend") is None
    # When nothing is left, Then that is said
    for key in (await front.ledger.read(asked.id)).clips:
        await front.storage.delete(key)
    refused = await front.pipeline.refusal(words, "rain --extend")
    assert refused is not None and refused.code == "no_clip"


async def test_all_files_of_a_clip_are_known_by_its_record(front: FrontEnd) -> None:
    first = await clip(front)
    record = await front.ledger.read(first.id)
    assert isinstance(record.outcome, Succeeded)
    assert set(record.clips) == {record.outcome.clip, record.outcome.frame}
