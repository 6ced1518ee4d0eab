"""What came of the requests of a chaos run, by what people see, what clips say of themselves and the device's journal.

Everything that is looked at is outside the processes that are killed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.system.clip_origin import Origin, colour_of, index_of
from tests.system.platform import Message, Platform
from tests.system.processes import House

LOST = "The engine stopped"
FINAL = {
    "bad picture": "JPEG or PNG",
    "crash": LOST,
    "option": "Did you mean",
}
"""By kind of request, what its right answer says; that of a good one is a clip."""


@dataclass
class Result:
    """`exactly_one` has one visible answer, the right one, and to the right person.

    `kills` are those that met a living target, by target; `missed` found none for long.
    """

    seed: int
    requests: int
    kills: dict[str, int] = field(default_factory=dict)
    missed: int = 0
    exactly_one: int = 0
    none: list[str] = field(default_factory=list)
    several: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    misdirected: list[str] = field(default_factory=list)
    failed_by_kills: int = 0
    rendered_after_done: list[str] = field(default_factory=list)
    overlapping: list[str] = field(default_factory=list)
    stray_status_messages: int = 0
    made_smaller: int = 0
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        faults = (self.none, self.several, self.wrong, self.misdirected, self.rendered_after_done, self.overlapping)
        return not any(faults) and self.exactly_one == self.requests


def answers(platform: Platform, name: str) -> list[Message]:
    """The outcomes that a person sees for a request: clips, and sentences that are no progress."""
    return [
        message
        for message in platform.of(name)
        if not message.shown.get("ping")
        and ("clip" in message.shown or any(final in message.shown["text"] for final in FINAL.values()))
    ]


def check(platform: Platform, house: House, kinds: Mapping[str, str], seed: int = 0) -> Result:
    """`kinds`: by its name r0, r1 and so on, what was asked for with each request."""
    result = Result(seed, len(kinds), misdirected=list(platform.misaddressed))
    for name, kind in kinds.items():
        seen = answers(platform, name)
        said = [message for message in platform.of(name) if not message.shown.get("ping")]
        result.stray_status_messages += len(said) - len(seen)
        if not seen:
            result.none.append(f"{name} ({kind}): {[m.shown for m in platform.of(name)]}")
        elif len(seen) > 1:
            result.several.append(f"{name} ({kind}): {[m.shown for m in seen]}")
        elif anothers := [fault for message in seen for fault in _anothers(platform, message)]:
            result.misdirected += anothers
        elif kind == "good" and "clip" not in seen[0].shown and LOST in seen[0].shown["text"]:
            # three kills hit the same job: a clear failure is its right answer
            result.failed_by_kills += 1
            result.exactly_one += 1
        elif ("clip" not in seen[0].shown) if kind == "good" else (FINAL[kind] not in seen[0].shown["text"]):
            result.wrong.append(f"{name} ({kind}): {seen[0].shown}")
        else:
            result.exactly_one += 1
    result.made_smaller = sum(name in platform.shown_at for name in platform.too_large)
    _check_device(platform, house, result)
    return result


def _anothers(platform: Platform, message: Message) -> list[str]:
    """What this message has shown, at any time, that was not made for the request which it replies to."""
    number = int(message.reply_to[1:])
    own = Origin(f"request {number}", number, index_of(colour_of(number)))
    shown = [platform.origins[content["clip"]] for content in message.contents if "clip" in content]
    return [f"{message.reply_to} was shown {one}, its own is {own}" for one in shown if one != own]


def _check_device(platform: Platform, house: House, result: Result) -> None:
    holder: dict[str, int] = {}
    for at, device, pid, event, prompt in house.events():
        name = f"r{prompt.split()[1]}"
        if event == "begin":
            holder[device] = pid
            done_at = min(
                [platform.shown_at.get(name, math.inf), *(when for when, _ in platform.too_large.get(name, ()))]
            )
            if at > done_at:
                result.rendered_after_done.append(prompt)
        elif holder[device] != pid:
            result.overlapping.append(f"{prompt}: {pid} went on while {holder[device]} had the device")
