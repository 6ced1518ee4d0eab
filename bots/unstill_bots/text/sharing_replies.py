"""The sentences about clips among people: what one shows, how it is shared, and who ended it."""

from __future__ import annotations

from unstill_bots.text.parts import cut
from unstill_bots.text.replies import Replies

ALT_MOST = 1024
"""Characters of an alternative text: those of a Discord attachment's description."""


class SharingReplies(Replies):
    """`Replies`, and what is said of clips among people."""

    def alt_text(self, words: str) -> str:
        """Describe a clip to who cannot see it."""
        if words:
            return cut(self.gettext("A photo that moves: {words}", words=words), ALT_MOST)
        return self.gettext("A photo that moves.")

    def button_share(self) -> str:
        return self.gettext("Share")

    def button_page(self) -> str:
        """The button that opens the page."""
        return self.gettext("Open")

    def nothing_to_share(self) -> str:
        """A button in place of clips of one's own; it leads to where one is made."""
        return self.gettext("No clip of yours fits. Make one")

    def cancelled_by_admin(self) -> str:
        return self.gettext("An admin ended this here. Ask them before you send it again.")
