"""The sentences about what is taken, shown and animated, and who has a say in it."""

from __future__ import annotations

from unstill_bots.text.look_replies import LookReplies


class SafetyReplies(LookReplies):
    """The sentences about safety and consent, in one language."""

    def refusal_kept(self) -> str:
        """Say what is kept of somebody who wants nobody else to animate their pictures."""
        return self.gettext(
            "By /settings you can forbid others to animate your avatar and the pictures that you posted. That is kept "
            "under a name that is not yours, until you allow it again; /forgetme leaves it."
        )

    def refusal_stays(self) -> str:
        """Say after /forgetme that their refusal stays."""
        return self.gettext(
            "That others may not animate your pictures stays kept, under a name that is not yours. "
            "Change it by /settings."
        )

    def safety_titles(self) -> dict[str, str]:
        """Return what the settings of safety are called, by their names."""
        return {
            "rating": self.gettext("Pictures for adults"),
            "own": self.gettext("Only one's own pictures"),
            "mine": self.gettext("Nobody else animates my pictures"),
            "exact": self.gettext("Words as they are"),
        }

    def safety_values(self) -> dict[tuple[str, object], str]:
        """Return what their values are called, by name and value, but for the host's own."""
        return {
            ("rating", "refuse"): self.gettext("not taken"),
            ("rating", "spoiler"): self.gettext("covered"),
            ("rating", "allow"): self.gettext("shown"),
            **{(name, True): self.gettext("yes") for name in ("own", "mine", "exact")},
            **{(name, False): self.gettext("no") for name in ("own", "mine", "exact")},
        }
