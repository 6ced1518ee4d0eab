"""/forgetme: what waits is cancelled, and of words, pictures and clips nothing stays on the host's machine."""

from __future__ import annotations

from typing import Any

from tests.doubles.telegram.messages import Message, Shown
from tests.system.processes import wait_for
from tests.system.telegram_house import TelegramHouse, after, has_clips, ours, photo, says

from unstill_queue.ledger import Ledger

WORD = "zanzibar"


async def test_forgetme_cancels_what_waits_and_leaves_no_word_behind(telegram: TelegramHouse) -> None:
    # Given clips, one of an album, and pictures that wait for words, here and in a group
    ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
    chat, group = telegram.api.private(ann), telegram.api.group("Friends", [ann, bob])
    bobs = bob.send_photo(group, photo(), f"/animate {WORD} of Bob's")
    ann.send_album(chat, [photo("red"), photo("blue")], f"{WORD} leaves")
    clips = ours(await chat.until(has_clips(2), 60))
    await group.until(has_clips(), 60)
    ann.send_photo(chat, photo())
    question = ann.send_photo(group, photo(), "/animate")
    await chat.until(says("What should move"))
    await group.until(lambda history: "What should move" in answer_to(history, question))
    ledger = telegram.ledger()
    try:
        # and a render, and one that waits
        running = ann.send_photo(chat, photo(), f"slow {WORD}")
        await chat.until(says("Rendering"), 60)
        waiting = ann.send_photo(chat, photo(), f"{WORD} waits")
        await chat.until(lambda history: answer_to(history, waiting).startswith(("You are", "1 other", "Your")), 60)
        records = [await ledger.read(id) for id in await ledger.ids_of(f"telegram:{ann.id}")]
        keys = {key for record in records for key in (*record.clips, *([record.job.picture] if record.job else []))}
        assert len(keys) == 6 and all((telegram.house.folder / "storage" / key).exists() for key in keys)
        assert len(await holding(ledger, WORD)) >= 5
        # When she wants it forgotten
        sent = ann.send_text(chat, "/forgetme")
        await chat.until(after(sent, says("Your words, pictures, clips and settings are deleted")), 60)
        # Then what was in the making ends as cancelled
        await chat.until(lambda history: all(answer_to(history, one) == "Cancelled." for one in (running, waiting)), 60)
        # and no word and no file is left but Bob's
        wait_for(lambda: not any((telegram.house.folder / "storage" / key).exists() for key in keys), what="deletion")
        assert await holding(ledger, WORD) == [f"unstill:job:telegram:{group.id}:{bobs.id}"]
        assert await ledger.ids_of(f"telegram:{ann.id}") == []
    finally:
        await ledger.redis.aclose()
    ann.send_text(chat, "/queue")
    await chat.until(says("no clips in the making"))
    # Then words do not animate what waited for them, and the buttons of old clips do nothing
    ann.send_text(chat, "more waves")
    await chat.until(says("There is no picture here"))
    assert "no such clip" in await ann.press("Again", clips[0]).answer()


def answer_to(history: list[Shown], request: Message) -> str:
    return next((one.text for one in ours(history) if one.reply_to == request.id), "")


async def holding(ledger: Ledger, word: str) -> list[str]:
    """Keys of the server whose values hold it."""
    readers: dict[bytes, Any] = {
        b"string": ledger.redis.get,
        b"hash": ledger.redis.hgetall,
        b"zset": lambda key: ledger.redis.zrange(key, 0, -1),
        b"set": ledger.redis.smembers,
        b"stream": ledger.redis.xrange,
        b"list": lambda key: ledger.redis.lrange(key, 0, -1),
    }
    found = []
    async for key in ledger.redis.scan_iter("*"):
        kind = await ledger.redis.type(key)
        if kind != b"none" and word in repr(await readers[kind](key)):
            found.append(key.decode())
    return found
