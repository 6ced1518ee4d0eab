"""The real bot and engine on a server that refuses for a while: nothing is lost, nothing is answered twice."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from redis.asyncio import Redis
from tests.queue.test_trouble import PASSWORD, SPOILT, USER, url_of
from tests.system.platform import Platform
from tests.system.processes import PATIENCE, House, until

from unstill_queue.redis.trouble import TROUBLES


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path, UNSTILL_QUEUE__LEASE="3") as house:
        house.settings["UNSTILL_REDIS__URL"] = url_of(house.valkey)
        yield house


@pytest.fixture
async def admin(house: House) -> AsyncIterator[Any]:
    plain = Redis.from_url(house.valkey.url)
    await plain.acl_setuser(
        USER, enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], channels=["*"], commands=["+@all"]
    )
    await plain.config_set("busy-reply-threshold", 1)
    yield plain
    await plain.aclose()


def a_picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(out, "PNG")
    return out.getvalue()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("word", SPOILT)
async def test_bot_and_engine_wait_for_the_mend_and_serve_on(house: House, admin: Any, word: str) -> None:
    spoil, mend = SPOILT[word]
    async with Platform(house.folder / "socket") as platform:
        bot, engine = house.start_bot(platform.path), house.start_engine()
        gate = house.gate()
        # Given a clip that was delivered, a render that is held, and one that waits
        platform.post("first", "waves", a_picture())
        await until(lambda: any("clip" in message.shown for message in platform.of("first")))
        platform.post("held", f"{gate} waves", a_picture())
        await until(gate.reached)
        platform.post("waits", "waves", a_picture())
        await until(lambda: platform.of("waits"))
        # When the server refuses, the render ends meanwhile, and somebody sends a picture
        await spoil(admin)
        gate.open()
        platform.post("meanwhile", "waves", a_picture())
        happened = TROUBLES[word][0]
        await until(
            lambda: (
                (happened in house.log("bot") and happened in house.log("engine"))
                or bot.poll() is not None
                or engine.poll() is not None
            )
        )
        # Then the log says the true mend, and both go on
        for name, process in (("bot", bot), ("engine", engine)):
            assert TROUBLES[word][1] in house.log(name)
            assert "Traceback" not in house.log(name), house.log(name)
            assert process.poll() is None
        # When it is mended
        await mend(admin)
        # Then each has its clip, and no second answer
        names = ("first", "held", "waits", "meanwhile")
        await until(lambda: all(any("clip" in message.shown for message in platform.of(name)) for name in names))
        platform.post("last", "waves", a_picture())
        await until(lambda: any("clip" in message.shown for message in platform.of("last")))
        for name in (*names, "last"):
            assert sum("clip" in message.shown for message in platform.of(name)) == 1
        assert (bot.poll(), engine.poll()) == (None, None)
        # and the finished render was not made again
        assert sum(event == "begin" and str(gate) in prompt for *_, event, prompt in house.events()) == 1


@pytest.mark.parametrize("command", [("unstill_engine",), ("unstill_bots.service", "telegram")])
async def test_a_password_that_is_wrong_at_the_start_is_one_plain_line(
    house: House, admin: Any, command: tuple[str, ...]
) -> None:
    house.settings["UNSTILL_REDIS__URL"] = url_of(house.valkey, "guess")
    house.settings["UNSTILL_TELEGRAM__TOKEN"] = "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"  # noqa: S105
    process = house.start(*command, log="refused")
    assert await asyncio.to_thread(process.wait, PATIENCE) == 4
    *_, last = house.log("refused").strip().splitlines()
    assert last.endswith(": {}. {}".format(*TROUBLES["WRONGPASS"]))
    assert "Traceback" not in house.log("refused")
    assert "guess" not in house.log("refused")
