"""Memory that runs out, from the queue to the answer: real queue, engine, child and ffmpeg."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.system.backlog import picture
from tests.system.processes import CATALOG, House

from unstill_bots.text.replies import Replies
from unstill_config.settings import Settings
from unstill_queue.contract.jobs import (
    Failed,
    Finish,
    Job,
    Outcome,
    Parameters,
    ReplyAddress,
    Request,
    Requester,
    Succeeded,
)
from unstill_queue.ledger.client import Client
from unstill_queue.storage.base import Storage

SHORT = """
[models.short]
title = "Short"
renderer = "tests.engine.short_of_memory:OfTheCard"
synthetic = true
abilities = ["prompt", "seed"]
size_multiple = 32
resolutions = [32, 64]
licence = { name = "Apache-2.0" }
defaults = { resolution = 32, num_frames = 8, fps = 8, num_inference_steps = 50, guidance_scale = 9.0 }
ranges = { num_frames = [8, 32] }
cost = { base = 1.0, per_unit = 0.0 }
memory = { low = 6, weights = 4.64, encoders = 1.84, render = 161.8, decode = 366.8, least_free = { 64 = 20 } }
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("memory")
    with House(folder, UNSTILL_ENGINE__MODEL="short") as house:
        (folder / "catalog.toml").write_text(CATALOG + SHORT)
        house.start_engine()
        yield house


class Person:
    def __init__(self, house: House) -> None:
        settings = Settings.load(house.settings, house.folder)
        self.client = Client.open(house.valkey.url, settings)
        self._storage = Storage.open(settings.storage)

    async def ask(self, prompt: str, resolution: int = 32) -> Outcome:
        message = secrets.token_hex(4)
        who = Requester("test", "ann", "c1")
        to = ReplyAddress("test", "c1", message)
        request = Request(f"test:c1:{message}", who, to, "photo", prompt, 1_000_000)
        await self.client.accept(request)
        key = await self._storage.put(picture(64, 64), kind="pictures", suffix=".jpg")
        parameters = Parameters("short", prompt, 1, 8, 8, resolution, num_inference_steps=50, guidance_scale=9.0)
        await self.client.submit(Job(request.id, who, to, key, parameters, Finish(), 1_000_000), cost=1.0)
        async for update in self.client.watch(request.id):
            if update.outcome is not None:
                return update.outcome
        raise AssertionError("watching ended without an outcome")


@pytest.fixture
async def person(house: House) -> AsyncIterator[Person]:
    person = Person(house)
    yield person
    await person.client.close()


def loads(house: House) -> int:
    return house.log("engine").count("engine child loaded")


async def test_the_reply_says_what_was_given_up(person: Person) -> None:
    outcome = await person.ask("denoise=3.7", resolution=64)
    assert isinstance(outcome, Succeeded)
    assert (outcome.width, outcome.parameters.resolution) == (32, 32)
    said = Replies().done(outcome)
    assert "each step was done in two halves" in said
    assert "a part of the model waited elsewhere" in said
    assert "it was rendered at 32 instead of 64" in said


async def test_a_job_that_fits_on_no_child_is_answered_after_a_fresh_one(house: House, person: Person) -> None:
    # Given an engine whose child has rendered before
    assert isinstance(await person.ask("first"), Succeeded)
    before = loads(house)
    # When one clip is too much, then a fresh child has had its try, and the answer is about memory
    outcome = await person.ask("denoise=1")
    assert isinstance(outcome, Failed) and outcome.code == "out_of_memory"
    assert loads(house) == before + 1
    # and the next one is served
    assert isinstance(await person.ask("next"), Succeeded)


async def test_a_lost_context_costs_a_try_and_a_child(house: House, person: Person) -> None:
    # Given a job in which CUDA answers nothing any more, the first time
    before = loads(house)
    outcome = await person.ask("poison once")
    # Then another child has rendered it, and the reply does not hide that
    assert isinstance(outcome, Succeeded)
    assert loads(house) == before + 1
    assert outcome.notes[-1] == "tried_again:2"
    assert "it was done at try 2" in Replies().done(outcome)
