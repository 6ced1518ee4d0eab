"""The metrics of a whole house: two front ends, an engine, and what is still true after each was killed."""

from __future__ import annotations

import random
import socket
from pathlib import Path

import httpx
from tests.bots.test_queue_metrics import Values, values_of
from tests.system.processes import kill, wait_for
from tests.system.telegram_house import has_clips, photo, telegram_house
from tests.system.web_house import SERVING

from unstill_bots.host.leader import leader_key
from unstill_config.telemetry import ENGINES_FROM


def free_ports(offsets: tuple[int, ...]) -> int:
    """Return a number from which on so many others nobody listens at."""
    while True:
        base = random.randrange(20_000, 30_000)
        try:
            for offset in offsets:
                socket.create_server(("127.0.0.1", base + offset)).close()
        except OSError:
            continue
        return base


def asked(port: int) -> Values:
    """What is told there, or nothing."""
    try:
        return values_of(httpx.get(f"http://127.0.0.1:{port}/metrics").text)
    except httpx.TransportError:
        return {}


async def test_a_house_tells_what_it_does_and_forgets_nothing_of_it(tmp_path: Path) -> None:
    # Given two front ends and an engine that serve their metrics
    base = free_ports((0, 2, ENGINES_FROM))
    with telegram_house(tmp_path, UNSTILL_METRICS__PORT=str(base), UNSTILL_WEB__PORT="0") as telegram:
        telegram.house.start("unstill_bots.service", "web", log="web")
        wait_for(lambda: SERVING.search(telegram.house.log("web")), what="the page")
        page = SERVING.search(telegram.house.log("web"))
        assert page is not None
        # When somebody has a clip made
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)
        ann.send_photo(chat, photo(), "waves")
        await chat.until(has_clips())
        done = "unstill_answers_total", ("", "telegram", "done", "sent")
        wait_for(lambda: asked(base).get(done) == 1, what="the answer's count")
        # Then each front end tells the same of the queue, and each process of itself
        bot, web = asked(base), asked(base + 2)
        for told in (bot, web):
            assert told[done] == 1
            assert told["unstill_platform_serving", ("telegram",)] == 1
            assert told["unstill_queue_engines", ("journal",)] == 1
            assert told["unstill_render_seconds_count", ("journal",)] == 1
            assert told["unstill_answer_seconds_count", ("telegram", "done")] == 1
            assert told["unstill_jobs", ("", "journal", "queued")] == 0
            assert told["unstill_event_loop_lag_seconds_count", ()] > 0
        engine = asked(base + ENGINES_FROM)
        assert engine["unstill_model_load_seconds_count", ("journal",)] == 1
        assert engine["unstill_scratch_free_bytes", ()] > 0
        assert engine["unstill_event_loop_lag_seconds_count", ()] > 0
        assert not [name for name, _ in engine if name.startswith("unstill_jobs")]
        # and nothing of it is to be had where people come
        public = httpx.get(page[1].rstrip("/") + "/metrics", follow_redirects=True)
        assert public.status_code == 404
        assert "unstill_" not in public.text
        # When the bot is killed, and another one serves
        assert telegram.bot is not None
        kill(telegram.bot.pid)
        telegram.bot.wait()
        ledger = telegram.ledger()
        await ledger.redis.delete(leader_key("telegram"))
        await ledger.redis.aclose()
        telegram.start_bot(log="bot2")
        ann.send_photo(chat, photo("navy"), "waves")
        await chat.until(has_clips(2))
        # Then it counts on where all left off
        wait_for(lambda: asked(base).get(done) == 2, what="the second answer's count")
        assert asked(base)["unstill_requests_total", ("telegram",)] == 2
