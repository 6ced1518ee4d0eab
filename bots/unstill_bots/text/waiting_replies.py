"""The sentences for somebody who waits: where their picture stands, and when its clip is there."""

from __future__ import annotations

import math
from collections.abc import Mapping

from unstill_bots.intake.served import Served
from unstill_bots.text.language import Sentences
from unstill_queue.ledger.ledger import Place

A_FEW = 10.0
"""Seconds below which no number is told."""


class WaitingReplies(Sentences):
    """The sentences about waiting, in one language."""

    def queued(self, position: int | None, eta_seconds: float | None = None) -> str:
        """`position` counts from 1, the next to be rendered; `eta_seconds` until the clip is there."""
        if position is None:
            place = self.gettext("Your picture is in the queue.")
        elif position <= 1:
            place = self.gettext("You are next.")
        else:
            place = self.ngettext("{count} other is ahead of you.", "{count} others are ahead of you.", position - 1)
        if eta_seconds is None:
            return place
        return self._join(place, self.gettext("Ready in {duration}.", duration=self.duration(eta_seconds)))

    def waiting(self, place: Place, served: Served | None = None) -> str:
        """Say where a job stands that no engine has taken. `served`: what is served instead where its model is not."""
        if place.held:
            return self.engines_rest()
        if place.parked:
            return self.gettext("No engine that is running can make this clip. It waits for one that can.")
        if place.engines:
            return self.queued(place.position or None, place.eta)
        other = served.instead_of(place.lane) if served else None
        if served is None or other is None:
            return self.engine_offline()
        return self.gettext(
            "{model} is not running at the moment, and your picture waits for it. {other} can make a clip of it now.",
            model=served.title(place.lane),
            other=served.title(other),
        )

    def engines_rest(self) -> str:
        return self.gettext("The host lets the engines rest for now. Your picture waits in the queue.")

    def engine_offline(self) -> str:
        return self.gettext("No engine is running at the moment. Your picture waits in the queue.")

    def button_switch(self, model: str) -> str:
        """Name the button that has the clip made by a model that is served. `model`: its title."""
        return self.gettext("{model} instead", model=model)

    def begun_already(self) -> str:
        """Answer a press for another model, for a clip that waits no longer."""
        return self.gettext("This waits no longer. Look at its message.")

    def shut_out(self) -> str:
        """Say of a job that it ended while the bot was blocked, or removed from its chat."""
        return self.gettext("This ended while the bot was shut out here. Send the picture again if you still want it.")

    # -- pictures that were sent together

    def taken_together(self, taken: int, refused: Mapping[str, int]) -> str:
        """Say what was taken of several pictures, and why not the others. `refused`: how often each reason holds."""
        count = taken + sum(refused.values())
        if not taken and len(refused) == 1:
            (sentence,) = refused
            return self._join(self.gettext("None of the {count} pictures is taken.", count=count), sentence)
        lines = [
            self._join(self.ngettext("{count} is not:", "{count} are not:", number), sentence)
            for sentence, number in refused.items()
        ]
        return "\n".join([self._how_many(taken, count), *lines])

    def _how_many(self, taken: int, count: int) -> str:
        if not taken:
            return self.gettext("None of the {count} pictures is taken.", count=count)
        return self.ngettext(
            "{count} of {all} pictures is taken.", "{count} of {all} pictures are taken.", taken, all=count
        )

    def wrong_for_all(self, fault: str, pictures: int) -> str:
        """Say what is wrong with the words for several pictures, which wait for better ones."""
        return self._join(
            fault,
            self.ngettext(
                "The picture waits for better words.", "The {count} pictures wait for better words.", pictures
            ),
        )

    def duration(self, seconds: float) -> str:
        """Rounded up as one says it: 'about 40 s', 'about 2 min', 'about 3 h'."""
        if not seconds > 0:
            return self.gettext("a moment")
        if seconds < A_FEW:
            return self.gettext("a few seconds")
        if seconds <= 55:
            return self.gettext("about {number} s", number=math.ceil(seconds / 5) * 5)
        if seconds <= 59 * 60:
            return self.gettext("about {number} min", number=math.ceil(seconds / 60))
        if seconds < 48 * 3600:
            return self.gettext("about {number} h", number=math.ceil(seconds / 3600))
        return self.gettext("more than two days")
