"""One seed, one run: kills bot, engine, child and server at random moments while requests arrive.

`make chaos SEED=n`. `chaos_count` says at the end what came of it.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from PIL import Image
from tests.system.chaos_count import Result, answers, check
from tests.system.clip_origin import colour_of
from tests.system.keeper import AWAY, Keeper
from tests.system.platform import Platform
from tests.system.processes import PATIENCE, House

from unstill_config.settings import Settings
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect

KINDS = ("good",) * 89 + ("bad picture",) * 5 + ("option",) * 5 + ("crash",)
"""What is asked for. A renderer that crashes three times a request is started ever later, and costs a run its time."""
FIRST = ("good", "crash", "bad picture", "option")
TARGETS = ("bot", "engine", "renderer", "server")
ROOM = {"c1": 16_000, "c2": 14_000}
"""Bytes that some chats take, where a clip has some 22,000: two thirds of that still hold the recipe and a picture."""
SETTINGS = {"UNSTILL_QUEUE__LEASE": "2", "JOURNAL_STEP_SECONDS": "0.005"}
QUIET = 12.0
"""Seconds with nothing open in the ledger, longer than its auditor's period: then no answer comes any more."""
SAY_AGAIN = 4.0
"""Seconds for whoever would say something a second time."""


class FrontEnd:
    """The recorder's process, as the keeper wants it."""

    def __init__(self, house: House, platform: Platform) -> None:
        self.house = house
        self.bot: subprocess.Popen[bytes] | None = None
        self._platform = platform
        self._polls = 0

    def start_bot(self) -> None:
        self._polls = self._platform.polls
        self.bot = self.house.start_bot(self._platform.path)

    def serves(self) -> bool:
        return self._platform.polls > self._polls

    def cut(self) -> bool:
        return False

    def now(self) -> float:
        return time.monotonic()


def picture(kind: str, n: int, dice: random.Random) -> bytes:
    if kind == "bad picture":
        return b"\xff\xd8\xff\xe0 this is not a picture" + dice.randbytes(200)
    out = io.BytesIO()
    Image.new("RGB", (80, 80), colour_of(n)).save(out, "JPEG")
    return out.getvalue()


def words(kind: str, n: int) -> str:
    match kind:
        case "crash":
            return f"request {n} crash"
        case "option":
            return f"request {n} --sede 7"
        case _:
            return f"request {n} --seed {n}"


async def run(
    folder: Path, *, seed: int, requests: int, kills: int, seconds: float, lost: float = 0.05,
    packages: Path | None = None,
) -> Result:  # fmt: skip
    """`seconds` is how long requests and kills are spread over. `packages`: a folder of the product's, to run instead.

    What is left undone then gets as long as the ledger holds anything open.
    """
    dice = random.Random(seed)
    started = time.monotonic()
    with House(folder, **SETTINGS) as house:
        house.packages = packages
        async with Platform(folder / "platform.sock", seed=seed, lost=lost, refused=0.06, room=ROOM) as platform:
            front_end = FrontEnd(house, platform)
            keeper = Keeper(front_end)
            keeping = asyncio.create_task(keeper.run())
            kinds = {f"r{n}": dice.choice(KINDS) for n in range(requests)}
            # each kind in every run, and none that crashes among the last, which would wait for one another
            kinds |= {f"r{n}": kind for n, kind in enumerate(FIRST) if n < requests}
            kinds |= {f"r{n}": "good" for n in range(requests * 4 // 5, requests) if kinds[f"r{n}"] == "crash"}
            async with asyncio.TaskGroup() as group:
                group.create_task(_ask(platform, kinds, random.Random(seed + 1), seconds))
                group.create_task(_kill(keeper, front_end, kills, random.Random(seed + 2), seconds))
            await _all_said(house, platform, kinds)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            result = check(platform, house, kinds, seed)
    result.kills = {target: keeper.kills[target] for target in TARGETS}
    result.missed = kills - sum(result.kills.values())
    result.seconds = round(time.monotonic() - started, 1)
    return result


async def _ask(platform: Platform, kinds: dict[str, str], dice: random.Random, seconds: float) -> None:
    started = time.monotonic()
    for at, (name, kind) in zip(sorted(dice.uniform(0, seconds) for _ in kinds), kinds.items(), strict=True):
        await asyncio.sleep(max(0.0, started + at - time.monotonic()))
        n = int(name[1:])
        platform.post(name, words(kind, n), picture(kind, n, dice), user=f"u{n % 20}", chat=f"c{n % 7}")


async def _kill(keeper: Keeper, front_end: FrontEnd, kills: int, dice: random.Random, seconds: float) -> None:
    """Each target as often as the others. One that is being started is waited for, so that a kill meets somebody."""
    targets = list(itertools.islice(itertools.cycle(TARGETS), kills))
    dice.shuffle(targets)
    started = time.monotonic()
    for at, target in zip(sorted(dice.uniform(1, seconds) for _ in targets), targets, strict=True):
        await asyncio.sleep(max(0.0, started + at - time.monotonic()))
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends and not (front_end.serves() if target == "bot" else keeper.lives(target)):
            await asyncio.sleep(0.02)
        await keeper.kill(target, dice.choice(AWAY))


async def _all_said(house: House, platform: Platform, kinds: dict[str, str]) -> None:
    """Until each request has its answer and the ledger holds nothing open, or nothing was open for `QUIET` seconds."""
    ledger = Ledger(connect(house.valkey.url, patience=0), Settings().queue)
    ends = time.monotonic() + PATIENCE + len(kinds)
    open_at = time.monotonic()
    try:
        while time.monotonic() < min(ends, open_at + QUIET):
            if await ledger.open_ids() or platform.confirmed < len(kinds):
                open_at = time.monotonic()
            elif all(answers(platform, name) for name in kinds):
                break
            await asyncio.sleep(0.2)
        await asyncio.sleep(SAY_AGAIN)
    finally:
        await ledger.redis.aclose()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=100.0)
    parser.add_argument("--keep", type=Path, help="a folder for the logs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = asyncio.run(
            run(
                folder,
                seed=arguments.seed,
                requests=arguments.requests,
                kills=arguments.kills,
                seconds=arguments.seconds,
            )
        )
    print(json.dumps({"sound": result.sound, **asdict(result)}))
    return 0 if result.sound else 1


if __name__ == "__main__":
    sys.exit(main())
