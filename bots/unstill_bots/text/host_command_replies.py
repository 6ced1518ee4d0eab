"""The answers to the host's commands."""

from __future__ import annotations

import math
from typing import Literal

from unstill_bots.text.replies import Replies


class HostCommandReplies(Replies):
    """The sentences that only who hosts the bot reads."""

    def host_paused(self, waiting: int) -> str:
        return self._join(
            self.gettext("New requests are refused, and people are told so. Send /resume to take them again."),
            self.ngettext("{count} clip waits and is made.", "{count} clips wait and are made.", waiting),
        )

    def host_drained(self, running: int) -> str:
        return self._join(
            self.gettext("The engines take no more jobs. Send /resume to have them go on."),
            self.ngettext("{count} clip is being finished.", "{count} clips are being finished.", running),
        )

    def host_resumed(self) -> str:
        return self.gettext("New requests are taken, and the engines work.")

    def host_nothing_paused(self) -> str:
        return self.gettext("Nothing was paused. New requests are taken, and the engines work.")

    def host_is_paused(self, since: str) -> str:
        return self.gettext("New requests are refused since {time}.", time=since)

    def host_is_drained(self, since: str) -> str:
        return self.gettext("The engines take no more jobs since {time}.", time=since)

    # -- usage

    def host_no_usage(self) -> str:
        return self.gettext("Nobody has asked for a clip today.")

    def host_used_by(self, what: Literal["account", "place"] | str, clips: int, names: int) -> str:
        """Head the list of what persons, or chats, have used today."""
        if what == "place":
            return self.ngettext("Today, {count} chat: {clips} clips", "Today, {count} chats: {clips} clips", names,
                                 clips=clips)  # fmt: skip
        return self.ngettext("Today, {count} person: {clips} clips", "Today, {count} persons: {clips} clips", names,
                             clips=clips)  # fmt: skip

    def host_used(self, name: str, clips: int, seconds: float) -> str:
        return f"{name}: {clips}, {math.ceil(seconds)} s"

    # -- engines

    def host_engine(self, name: str, model: str, device: str, done: int, *, busy: bool) -> str:
        state = self.gettext("works") if busy else self.gettext("is free")
        made = self.ngettext("{count} clip made", "{count} clips made", done)
        return f"{name} ({', '.join(filter(None, (model, device)))}): {state}, {made}"

    def host_no_engine(self) -> str:
        return self.gettext("No engine is running.")

    def host_waits(self, model: str, count: int) -> str:
        return self.ngettext("{count} clip waits for {model}.", "{count} clips wait for {model}.", count, model=model)

    # -- blocks

    def host_blocks(self, count: int) -> str:
        if not count:
            return self.gettext("Nobody is blocked. Send /block with a name from /usage, or with platform:id.")
        return self.ngettext("{count} name is blocked:", "{count} names are blocked:", count)

    def host_blocked_since(self, name: str, since: str) -> str:
        return self.gettext("{name}, since {time}", name=name, time=since)

    def host_blocked(self, name: str, ended: int) -> str:
        return self._join(
            self.gettext("{name} is blocked. Send /unblock to let them in again.", name=name),
            self.ngettext("{count} clip of theirs was ended.", "{count} clips of theirs were ended.", ended),
        )

    def host_unblocked(self, name: str) -> str:
        return self.gettext("{name} is let in again.", name=name)

    def host_not_blocked(self, name: str) -> str:
        return self.gettext("{name} is not blocked. Send /block to see who is.", name=name)

    def host_whom(self) -> str:
        return self.gettext("Say whom: a name from /usage or a report, or an id, written as platform:id.")

    def host_unknown_there(self, platform: str) -> str:
        return self.gettext(
            "This bot does not hold the token of {platform}, so it knows nobody there by id. Use a name from /usage.",
            platform=platform,
        )

    def host_commands_elsewhere(self) -> str:
        """Answer the host's command of somebody who is none."""
        return self.gettext("This is for who hosts the bot. Ask them.")
