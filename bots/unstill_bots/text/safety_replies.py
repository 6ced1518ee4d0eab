"""The sentences about what is taken, shown and animated, and who has a say in it."""

from __future__ import annotations

from unstill_bots.text.replies import Replies


class SafetyReplies(Replies):
    """The sentences about safety and consent, in one language."""

    def rating(self, value: object) -> str:
        """Name what is done with pictures for adults, as the value of a setting."""
        named = {
            "refuse": self.gettext("not taken"),
            "spoiler": self.gettext("covered"),
            "allow": self.gettext("shown"),
        }
        return named.get(str(value), self.gettext("standard"))
