"""A photo, words alone and two photos to clips by Wan: real queue, engine, loading, child and ffmpeg, tiny models."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
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
        yield house


@pytest.mark.timeout(600)
async def test_photos_and_words_become_clips(house: House, tmp_path: Path) -> None:
    engine = house.start_engine()
    settings = Settings.load(house.settings, house.folder)
    client, storage = Client.open(house.valkey.url, settings), Storage.open(settings.storage)

    async def photo(seed: int) -> str:
        return await storage.put(noisy_photo(tmp_path, seed=seed).read_bytes(), kind="pictures", suffix=".png")

    async def ask(model: str, picture: str = "", last: str = "") -> Path:
        message = secrets.token_hex(4)
        who, to = Requester("test", "ann", "c1"), ReplyAddress("test", "c1", message)
        request = Request(f"test:c1:{message}", who, to, "photo", "", 1_000_000)
        await client.accept(request)
        job = Job(request.id, who, to, picture, asked(model), Finish(), 1_000_000, last_picture=last)
        await client.submit(job, cost=1.0)
        watching = asyncio.create_task(_outcome(client, request.id))
        await until(lambda: watching.done() or engine.poll() is not None)
        assert watching.done(), house.log("engine")
        made = await watching
        assert isinstance(made, Succeeded), (made, house.log("engine"))
        path = tmp_path / f"{message}.mp4"
        await storage.fetch(made.clip, path)
        return path

    try:
        first, last = await photo(1), await photo(8)
        # When the first model is asked for a photo to move, and for words alone
        clip = await ask(FIVE, first)
        words = await ask(FIVE)
        # Then there are two clips of what was asked for, that say how they were made
        for path in (clip, words):
            made = probe(path)
            assert (made.width, made.height, made.frames, made.fps) == (96, 64, 9, 16.0)
            recipe = read_recipe(path)
            assert (recipe.model, recipe.made_by) == (FIVE, "AI")
        # When the other is asked, without and with a photo to end at
        begun = await ask(FOURTEEN, first)
        ended = await ask(FOURTEEN, first, last)
        # Then they are two clips
        assert probe(begun).frames == probe(ended).frames == 9
        assert begun.read_bytes() != ended.read_bytes()
    finally:
        await client.close()


async def _outcome(client: Client, request: str) -> Outcome:
    async for update in client.watch(request):
        if update.outcome is not None:
            return update.outcome
    raise AssertionError("watching ended without an outcome")
