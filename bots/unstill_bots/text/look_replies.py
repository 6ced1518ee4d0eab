"""The sentences of an early look, which shows a clip before it is done."""

from __future__ import annotations

from unstill_bots.text.replies import Replies


class LookReplies(Replies):
    """The sentences about early looks, in one language."""

    def early_look(self, *, synthetic: bool) -> str:
        """Say what the picture is that stands there while a clip is made. `synthetic`: AI draws it."""
        if synthetic:
            return self.gettext("This is an early look, drawn by AI. The clip is not done yet.")
        return self.gettext("This is an early look. The clip is not done yet.")

    def look_alt(self) -> str:
        """Describe an early look to who cannot see it."""
        return self.gettext("A blurred still of a clip that is not done yet.")

    def button_stop(self) -> str:
        """Name the button that ends a clip of which there is a look."""
        return self.gettext("Stop")

    def button_new_seed(self) -> str:
        """Name the button that ends a clip of which there is a look, and makes another one with the same words."""
        return self.gettext("New seed")

    def look_title(self) -> str:
        """Name the setting."""
        return self.gettext("Early look")

    def look_values(self) -> dict[tuple[str, object], str]:
        """Return what its values are called, by name and value, but for the host's own."""
        return {("look", "on"): self.gettext("yes"), ("look", "off"): self.gettext("no")}
