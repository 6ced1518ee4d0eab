"""A photo, words alone and two photos to clips by Wan: real queue, engine, loading, child and ffmpeg, tiny models."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.engine.diffusers_tiny import asked, noisy_photo, save_wan, tiny_catalog
from tests.system.processes import CATALOG, House, until

from unstill_config.settings import Settings
from unstill_engine.clip.probe import probe
from unstill_queue.contract.jobs import Finish, Job, Outcome, ReplyAddress, Request, Requester, Succeeded
from unstill_queue.contract.recipe import read_recipe
from unstill_queue.ledger.client import Client
from unstill_queue.storage.base import Storage

FIVE, FOURTEEN = "wan-ti2v-5b", "wan-i2v-a14b-fast"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("wan")
    folders = {FIVE: save_wan(folder / "5b"), FOURTEEN: save_wan(folder / "a14b", "a14b")}
    with House(folder, UNSTILL_ENGINE__MODELS=f"{FIVE},{FOURTEEN}", OMP_NUM_THREADS="1") as house:
        (folder / "catalog.toml").write_text(CATALOG + tiny_catalog(folders))
        house.start_engine()
        yield house


class Asking:
    """Somebody who asks the house's engine for clips."""

    def __init__(self, house: House, folder: Path) -> None:
        settings = Settings.load(house.settings, house.folder)
        self.client, self._storage = Client.open(house.valkey.url, settings), Storage.open(settings.storage)
        self._house, self._folder = house, folder

    async def photo(self, seed: int) -> str:
        picture = noisy_photo(self._folder, seed=seed).read_bytes()
        return await self._storage.put(picture, kind="pictures", suffix=".png")

    async def ask(self, model: str, picture: str = "", last: str = "") -> Path:
        message = secrets.token_hex(4)
        who, to = Requester("test", "ann", "c1"), ReplyAddress("test", "c1", message)
        request = Request(f"test:c1:{message}", who, to, "photo", "", 1_000_000)
        await self.client.accept(request)
        job = Job(request.id, who, to, picture, asked(model), Finish(), 1_000_000, last_picture=last)
        await self.client.submit(job, cost=1.0)
        watching = asyncio.create_task(_outcome(self.client, request.id))
        engine = self._house.started[0]
        await until(lambda: watching.done() or engine.poll() is not None)
        assert watching.done(), self._house.log("engine")
        made = await watching
        assert isinstance(made, Succeeded), (made, self._house.log("engine"))
        path = self._folder / f"{message}.mp4"
        await self._storage.fetch(made.clip, path)
        return path


@pytest.fixture
async def asking(house: House, tmp_path: Path) -> AsyncIterator[Asking]:
    asking = Asking(house, tmp_path)
    yield asking
    await asking.client.close()


async def test_a_photo_and_words_become_clips(asking: Asking) -> None:
    # When a model is asked for a photo to move, and for words alone
    clip = await asking.ask(FIVE, await asking.photo(1))
    words = await asking.ask(FIVE)
    # Then there are two clips of what was asked for, that say how they were made
    for path in (clip, words):
        made = probe(path)
        assert (made.width, made.height, made.frames, made.fps) == (96, 64, 9, 16.0)
        recipe = read_recipe(path)
        assert (recipe.model, recipe.made_by) == (FIVE, "AI")


@pytest.mark.storm
async def test_a_photo_to_end_at_gives_another_clip_by_the_same_engines_other_model(asking: Asking) -> None:
    # When another model is asked, without and with a photo to end at
    first, last = await asking.photo(1), await asking.photo(8)
    begun = await asking.ask(FOURTEEN, first)
    ended = await asking.ask(FOURTEEN, first, last)
    # Then they are two clips
    assert probe(begun).frames == probe(ended).frames == 9
    assert begun.read_bytes() != ended.read_bytes()


async def _outcome(client: Client, request: str) -> Outcome:
    async for update in client.watch(request):
        if update.outcome is not None:
            return update.outcome
    raise AssertionError("watching ended without an outcome")
