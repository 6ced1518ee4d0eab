"""What front ends keep of people besides the ledger goes too, and what cannot go yet is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from tests.bots.test_courier import PaperChat
from tests.queue.values import a_request

from unstill_bots.actions.forgetting import Forgetting, Left
from unstill_bots.actions.open_forms import Pointed
from unstill_bots.actions.preferences import PreferenceStore
from unstill_bots.delivery.side_messages import SideMessages
from unstill_bots.delivery.stale_messages import StaleMessages
from unstill_bots.discord import media as discord_findings
from unstill_bots.discord import memory as discord_memory
from unstill_bots.discord import pending as discord_asking
from unstill_bots.intake import albums
from unstill_bots.intake.waiting import Offer
from unstill_bots.telegram import media as findings
from unstill_bots.telegram import memory
from unstill_bots.telegram import pending as asking
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.settings import Settings
from unstill_config.settings import Storage as StorageSettings
from unstill_queue.contract.jobs import Failed, State
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import Record
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage
from unstill_queue.storage.trash import Trash

ANN, BOB = "7340912655", "6120447981"
GROUP = "-1001500000001"


@pytest.fixture
async def client(valkey: EmbeddedValkey) -> AsyncIterator[Client]:
    client = Client.open(valkey.url, Settings())
    yield client
    await client.close()


async def held(redis: Redis, text: str) -> list[str]:
    """The keys that hold it, in their name or value."""
    reads: dict[bytes, Any] = {
        b"string": redis.get,
        b"hash": redis.hgetall,
        b"zset": lambda key: redis.zrange(key, 0, -1),
        b"list": lambda key: redis.lrange(key, 0, -1),
    }
    found = []
    async for key in redis.scan_iter("*"):
        if text in f"{key!r} {await reads[await redis.type(key)](key)!r}":
            found.append(key.decode())
    return sorted(found)


def telegram_ask(user: str, chat: str, message: str, album: str = "") -> asking.TelegramRequest:
    picture = findings.Picture("file")
    return asking.TelegramRequest(
        chat=chat, message=message, user=user, language="en", sent_at=0.0, picture=picture, album=album
    )


async def test_what_telegram_keeps_of_a_person_goes(client: Client) -> None:
    # Given pictures that wait, questions, albums and latest words, in a private chat and in a group
    kept, on_telegram = memory.Memory(client.redis), PaperChat()
    on_telegram.platform = "telegram"
    for user, chat in ((ANN, ANN), (ANN, GROUP), (BOB, GROUP)):
        ask = telegram_ask(user, chat, "11" if user == ANN else "12")
        await kept.let_wait([ask])
        await kept.asked(ask, f"{chat}:77")
        await kept.revised(ask, f"telegram:{chat}:latest")
        await SideMessages(client.redis, on_telegram, 600.0).called(ask.who, ask.id, f"{chat}:78")
        left = Record(ask.id, State.UNDELIVERABLE, ask.request("words"), 0.0, note=f"{chat}:79")
        await StaleMessages(client.redis, on_telegram).left(left)
        await kept.gather(albums.Part(replace(ask, album=f"album{user}"), "words", True))
        await kept.keep_words(ask, "waves")
        await kept.offers.keep(ask.id, Offer(ask, "waves"))
    # and what an older version has kept of her private chat
    old = telegram_ask(ANN, ANN, "5")
    await client.redis.set(f"unstill:telegram:asked:{old.id}", f"{ANN}:78")
    await client.redis.set(f"unstill:telegram:latest:{old.id}", "telegram:older")
    assert await kept.latest(old) == "telegram:older" and await kept.question(old) == f"{ANN}:78"
    await client.redis.set(f"unstill:telegram:asked:{old.id}", f"{ANN}:78")
    bobs = await held(client.redis, BOB)
    assert len(bobs) == 9 and len(await held(client.redis, ANN)) == 19
    # When hers is forgotten
    await kept.forget(ANN)
    # Then nothing of her is left, and Bob's is untouched
    assert await held(client.redis, ANN) == []
    assert await held(client.redis, BOB) == bobs
    assert len(await kept.waiting(GROUP, BOB)) == 1
    # and a question that is sent too late is not kept
    await kept.asked(telegram_ask(ANN, ANN, "11"), f"{ANN}:79")
    assert await held(client.redis, ANN) == []


def discord_ask(user: str, channel: str) -> discord_asking.DiscordRequest:
    picture = discord_findings.Picture("https://cdn.test/a.png")
    return discord_asking.DiscordRequest(
        id="discord:1:2", user=user, channel=channel, language="en", sent_at=0.0, picture=picture
    )


async def test_what_discord_keeps_of_a_person_goes(client: Client) -> None:
    # Given pictures that wait, open forms, messages that were taken, and direct messages
    kept = discord_memory.Memory(client.redis)
    for number, user in enumerate((ANN, BOB)):
        await kept.let_wait([discord_ask(user, "900")])
        await kept.forms.keep(500 + number, Pointed(user, "900", []))
        await kept.keep_words(discord_ask(user, "900"), "waves")
        await kept.offers.keep(f"discord:1:{number}", Offer(discord_ask(user, "900"), "waves"))
        await kept.took(9000 + number, 8000 + number, direct_to=int(user))
    await kept.spoken_to(900)
    # and a message that an older version has taken
    await client.redis.set("unstill:discord:message:8005", b"")
    bobs = await held(client.redis, BOB)
    # When hers is forgotten
    await kept.forget(ANN)
    # Then nothing of her is left, and Bob's is untouched
    for trace in (ANN, "9000", "8000"):
        assert await held(client.redis, trace) == []
    assert await held(client.redis, BOB) == bobs
    assert await kept.channels() == [900, 9001]
    # and her message is known to have been taken all the same, as is the older one
    assert await kept.is_taken(8000) and await kept.is_taken(8001) and await kept.is_taken(8005)
    assert not await kept.is_taken(8002)
    await kept.leave(9001)
    assert await kept.channels() == [900]


async def test_a_storage_that_is_away_is_said_and_emptied_later(client: Client, tmp_path: Path) -> None:
    # Given a picture in a storage, and a storage that does not answer
    storage = Storage.open(StorageSettings(url=f"file://{tmp_path}/storage"))
    away = Storage.open(StorageSettings(url=f"file://{tmp_path}/away"))
    (tmp_path / "away" / "pictures").write_bytes(b"a file in the way")
    request = a_request()
    await client.accept(request)
    (key,) = await client.ledger.picture(request.id, storage.new_key("pictures")) or [""]
    assert key is not None
    await storage.put(b"picture", key=key)
    await client.ledger.refuse(request.id, Failed("x", "y"))
    assert await client.ledger.send(request.id, "sender") and await client.ledger.sent(request.id, "sender")
    accepted = a_request(2)
    await client.accept(accepted)
    (second,) = await client.ledger.picture(accepted.id, storage.new_key("pictures")) or [""]
    assert second is not None
    await storage.put(b"picture", key=second)
    # When its person wants it forgotten, and what is cancelled is shown meanwhile
    forgetting = Forgetting(client, away, PreferenceStore(client.redis), memory.Memory(client.redis))
    begun = await forgetting.begin(request.requester.person)
    assert second in begun.files
    assert await client.ledger.send(accepted.id, "sender") and await client.ledger.sent(accepted.id, "sender")
    left = await forgetting.finish(begun)
    # Then it is said that the files are still there, and they go when the storage is back
    assert left == Left(jobs=0, files=True, on_disk=True)
    assert "deleted as soon as it does" in ChatReplies("en").forgotten(left)
    await Trash(client.ledger, storage).empty()
    assert not list((tmp_path / "storage" / "pictures").rglob("*.png"))


def test_what_is_said_is_what_is_true() -> None:
    replies = ChatReplies("en")
    assert "host's queue" not in replies.forgotten(Left())
    assert "host's queue" in replies.forgotten(Left(on_disk=True))
    assert "1 clip is still being stopped" in replies.forgotten(Left(jobs=1))
    for left in (Left(), Left(jobs=2, files=True)):
        assert "For two days it stays known, without your name" in replies.forgotten(left)
