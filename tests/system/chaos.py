"""One seed, one run: kills bot, engine, renderer and server at random moments while requests arrive.

`make chaos SEED=n`. The checker at the end looks at what people see and at the device's journal alone.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import math
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from PIL import Image
from tests.system.platform import Platform
from tests.system.processes import House, child_of, kill

KINDS = ("good",) * 17 + ("bad picture", "crash", "option")
ROOM = {"c1": 18_000, "c2": 15_000}
"""Bytes that some chats take, where a clip has some 28,000: half of that still holds the recipe and a picture."""
FINAL = {
    "bad picture": "JPEG or PNG",
    "crash": "The engine stopped",
    "option": "Did you mean",
}


@dataclass
class Result:
    seed: int
    requests: int
    kills: dict[str, int]
    exactly_one: int = 0
    none: list[str] = field(default_factory=list)
    several: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    failed_by_kills: int = 0
    rendered_after_done: list[str] = field(default_factory=list)
    overlapping: list[str] = field(default_factory=list)
    stray_status_messages: int = 0
    made_smaller: int = 0
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        return not (self.none or self.several or self.wrong or self.rendered_after_done or self.overlapping)


def picture(kind: str, random: random.Random) -> bytes:
    if kind == "bad picture":
        return b"\xff\xd8\xff\xe0 this is not a picture" + random.randbytes(200)
    out = io.BytesIO()
    Image.new("RGB", (80, 80), tuple(random.randbytes(3))).save(out, "JPEG")
    return out.getvalue()


def words(kind: str, n: int) -> str:
    match kind:
        case "crash":
            return f"request {n} crash"
        case "option":
            return f"request {n} --sede 7"
        case _:
            return f"request {n} --seed {n}"


async def run(folder: Path, *, seed: int, requests: int, kills: int, seconds: float) -> Result:
    """`seconds` is how long requests and kills are spread over; what they left undone gets two minutes more."""
    dice = random.Random(seed)
    started = time.monotonic()
    counted: Counter[str] = Counter()
    with House(folder, UNSTILL_QUEUE__LEASE="2") as house:
        socket = folder / "platform.sock"
        async with Platform(socket, seed=seed, lost=0.05, refused=0.06, room=ROOM) as platform:
            kinds = {f"r{n}": dice.choice(KINDS) for n in range(requests)}
            moments = sorted(
                [(dice.uniform(0, seconds), "request", f"r{n}") for n in range(requests)]
                + [(dice.uniform(1, seconds), "kill", "") for _ in range(kills)]
            )
            keeper = asyncio.create_task(keep_alive(house, socket))
            for at, what, name in moments:
                await asyncio.sleep(max(0.0, started + at - time.monotonic()))
                if what == "request":
                    n = int(name[1:])
                    platform.post(
                        name, words(kinds[name], n), picture(kinds[name], dice), user=f"u{n % 20}", chat=f"c{n % 7}"
                    )
                else:
                    counted[await one_kill(house, dice)] += 1
            ends = time.monotonic() + 120 + requests
            while time.monotonic() < ends and not all(answers(platform, name) for name in kinds):
                await asyncio.sleep(0.2)
            # whoever would say something a second time gets the time to do so
            await asyncio.sleep(8)
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            result = check(platform, house, kinds, seed, dict(counted))
    result.seconds = round(time.monotonic() - started, 1)
    return result


async def keep_alive(house: House, socket: Path) -> None:
    """What a container platform does: whoever has ended is started again, a little later."""
    bot, engine = house.start_bot(socket), house.start_engine()
    while True:
        await asyncio.sleep(0.2)
        if bot.poll() is not None:
            bot = house.start_bot(socket)
        if engine.poll() is not None:
            engine = house.start_engine()
        house.started = [bot, engine]


async def one_kill(house: House, dice: random.Random) -> str:
    bot, engine = house.started[-2:] if len(house.started) >= 2 else (None, None)
    target = dice.choice(["bot", "engine", "renderer", "server"])
    if target == "server":
        await asyncio.to_thread(house.valkey.kill)
        await asyncio.sleep(dice.choice([0.0, 0.1, 0.5, 1.5]))
        await asyncio.to_thread(house.valkey.start)
    elif target == "bot" and bot:
        kill(bot.pid)
    elif target == "engine" and engine:
        kill(engine.pid)
    elif target == "renderer" and engine and (child := child_of(engine.pid)):
        kill(child)
    else:
        return "nobody was there"
    return target


def answers(platform: Platform, name: str) -> list[str]:
    """The outcomes that a person sees for a request: clips, and sentences that are no progress."""
    said = []
    for message in platform.of(name):
        shown = message.shown
        if "clip" in shown:
            said.append("clip")
        elif shown.get("ping"):
            continue
        elif any(final in shown["text"] for final in FINAL.values()):
            said.append(shown["text"])
    return said


def check(platform: Platform, house: House, kinds: dict[str, str], seed: int, kills: dict[str, int]) -> Result:
    result = Result(seed, len(kinds), kills)
    for name, kind in kinds.items():
        seen = answers(platform, name)
        said = [message for message in platform.of(name) if not message.shown.get("ping")]
        result.stray_status_messages += len(said) - len(seen)
        if not seen:
            result.none.append(f"{name} ({kind}): {[m.shown for m in platform.of(name)]}")
        elif len(seen) > 1:
            result.several.append(f"{name} ({kind}): {seen}")
        elif kind == "good" and FINAL["crash"] in seen[0]:
            # three kills hit the same job: a clear failure is its right answer
            result.failed_by_kills += 1
            result.exactly_one += 1
        elif (seen[0] != "clip") if kind == "good" else (FINAL[kind] not in seen[0]):
            result.wrong.append(f"{name} ({kind}): {seen[0]}")
        else:
            result.exactly_one += 1
    result.made_smaller = sum(name in platform.shown_at for name in platform.too_large)
    begun: dict[str, float] = {}
    holder: dict[str, int] = {}
    for at, device, pid, event, prompt in house.events():
        name = f"r{prompt.split()[1]}"
        if event == "begin":
            begun[prompt] = at
            holder[device] = pid
            done_at = min(
                [platform.shown_at.get(name, math.inf), *(when for when, _ in platform.too_large.get(name, ()))]
            )
            if at > done_at:
                result.rendered_after_done.append(prompt)
        elif holder[device] != pid:
            result.overlapping.append(f"{prompt}: {pid} went on while {holder[device]} had the device")
    return result


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
    print(json.dumps(asdict(result), indent=2))
    return 0 if result.sound else 1


if __name__ == "__main__":
    sys.exit(main())
