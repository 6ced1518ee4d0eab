"""The data that a button sends back when it is pressed. It needs no memory of ours, so it works after any restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import ClassVar, Self

import msgspec

from unstill_bots.actions.presses import CANCEL, DELETE, EDIT, NEW_SEED, SWITCH
from unstill_bots.actions.variations import VARIATIONS

ON_JOBS = (CANCEL, DELETE, EDIT, SWITCH, NEW_SEED, *VARIATIONS)
"""The actions whose buttons stand under a job's message."""


class PressData(msgspec.Struct, frozen=True):
    """A button's data: an action of `presses.ACTIONS`, and `about` which job, or with which value.

    `action` is empty where a button names none that we know. A job's id goes without the platform, as platforms take
    few bytes. A platform's own class has its `platform` and `sent`: how each action is written there.
    """

    platform: ClassVar[str]
    sent: ClassVar[Mapping[str, str]] = MappingProxyType({})

    action: str
    about: str = ""

    @property
    def data(self) -> str:
        """The data as it is sent."""
        return f"{self.sent[self.action]} {self.about}"

    @property
    def job(self) -> str:
        """The id of the job that it is about."""
        return f"{self.platform}:{self.about}"

    @classmethod
    def of(cls, data: str) -> Self:
        """Read the data that a press sent back."""
        sent, _, about = data.partition(" ")
        return cls(next((action for action, word in cls.sent.items() if word == sent), ""), about)

    @classmethod
    def on(cls, action: str, job: str) -> Self:
        """Make the data of an action on a job, by its id."""
        return cls(action, job.removeprefix(f"{cls.platform}:"))


def jobs_named(presses: Iterable[PressData]) -> tuple[str, ...]:
    """Return the ids of the jobs that buttons are about, of those that stand under a job's message, each once."""
    return tuple(dict.fromkeys(press.job for press in presses if press.action in ON_JOBS))
