"""A Bot API server of the host's own, with --local: pictures come as files, and clips may be larger."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.system.telegram_house import has_clips, ours, photo, telegram_house
from tests.waiting import PATIENCE
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram_api import TelegramApi

from unstill_bots.actions.preferences import PreferenceStore
from unstill_bots.delivery import presentation
from unstill_bots.delivery.chat import ClipTooLarge
from unstill_bots.telegram.api import open_bot
from unstill_bots.telegram.chat import TelegramChat
from unstill_bots.telegram.memory import Memory
from unstill_bots.telegram.send_limit import SendLimit
from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_queue.contract.jobs import Parameters, ReplyAddress, Request, Requester, State, Succeeded
from unstill_queue.ledger.ledger import Record
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

LARGE = 51 * 2**20


async def test_a_picture_is_read_from_its_file_and_a_clip_may_be_2000_mb(tmp_path: Path) -> None:
    files = tmp_path / "server"
    with telegram_house(tmp_path, files=files) as telegram:
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)
        # When a photo, and a document, are sent through that server
        asked = ann.send_photo(chat, photo(), "waves")
        ann.send_document(chat, photo("red"), "leaves")
        # Then both come back moving, and nothing was downloaded
        history = await chat.until(has_clips(2))
        assert len(ours(history)) == 2
        assert not telegram.api.calls("download")
        assert sum(path.is_file() for path in files.rglob("*")) == 2
        ledger = telegram.ledger()
        try:
            record = await ledger.read(f"telegram:{chat.id}:{asked.id}")
        finally:
            await ledger.redis.aclose()
        assert record.request.upload_limit == 2_000_000_000 - 65_536


@pytest.mark.parametrize("local", [True, False])
async def test_a_clip_over_50_mb_is_taken_by_such_a_server_alone(tmp_path: Path, local: bool) -> None:
    # Given a large clip, and a status message that is to become it
    clip = tmp_path / "clip.mp4"
    with clip.open("wb") as file:
        file.write(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + LARGE.to_bytes(4, "big") + b"free")
        file.truncate(LARGE + 24)
    about = Succeeded(
        clip="clips/a", size=LARGE + 24, width=64, height=64, duration=20.0, fps=8.0, synthetic=False,
        parameters=Parameters("camera", "waves", seed=7, num_frames=8, fps=8, resolution=64), render_seconds=1.0,
    )  # fmt: skip
    (tmp_path / "files").mkdir()
    async with TelegramApi(folder=tmp_path / "files" if local else None) as api:
        ann = api.person("Ann")
        chat = api.private(ann)
        sent = ann.send_text(chat, "hello")
        # When it is delivered
        if local:
            await deliver(api, chat, sent.id, clip, about, tmp_path)
            # Then it stands there
            shown = ours(chat.history())
            assert [(one.kind, one.media and one.media.size) for one in shown] == [("video", LARGE + 24)]
        else:
            # Then the platform's own server refuses its size, and that is understood
            with pytest.raises(ClipTooLarge):
                await deliver(api, chat, sent.id, clip, about, tmp_path)


async def deliver(api: TelegramApi, chat: Chat, to: int, clip: Path, about: Succeeded, folder: Path) -> None:
    environ = {
        "UNSTILL_TELEGRAM__TOKEN": api.token,
        "UNSTILL_TELEGRAM__API_URL": api.url,
        "UNSTILL_TELEGRAM__LOCAL_MODE": str(api.files.folder is not None),
        "UNSTILL_STORAGE__URL": f"file://{folder}/storage",
    }
    settings = Settings.load(environ, folder)
    async with EmbeddedValkey(folder / "valkey") as valkey, asyncio.timeout(PATIENCE):
        redis = connect(valkey.url)
        bot = open_bot(settings.telegram)
        await bot.initialize()
        try:
            telegram = TelegramChat(
                bot, Storage.open(settings.storage), Catalog.load(), Memory(redis), SendLimit(), PreferenceStore(redis)
            )
            address = ReplyAddress("telegram", str(chat.id), str(to))
            who = Requester("telegram", str(chat.id), str(chat.id))
            request = Request(f"telegram:{chat.id}:{to}", who, address, "", "waves", clip.stat().st_size)
            record = Record(request.id, State.SENDING, request, 0.0, outcome=about)
            ref = await telegram.post(address, presentation.received(request))
            await telegram.edit(address, ref, presentation.clip(record, about, clip, Catalog.load()))
        finally:
            await bot.shutdown()
            await redis.aclose()
