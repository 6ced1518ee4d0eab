"""The sentences about making more of the same picture: another clip, another move, other words."""

from __future__ import annotations

from unstill_bots.text.replies import Replies


class AgainReplies(Replies):
    """`Replies`, and what is said where the same picture is asked for again."""

    def button_again(self, *, moves: bool = False) -> str:
        """Name the button for one more clip. `moves`: it is another move of the camera."""
        return self.gettext("Another move") if moves else self.gettext("Again")

    def on_its_way(self, move: str = "") -> str:
        """Say that a clip was asked for. `move`: the camera words that were chosen for it, in English."""
        return self.gettext("On its way: {move}.", move=self.translated(move)) if move else self.gettext("On its way.")

    def one_at_a_time(self) -> str:
        return self.gettext("One more is in the making. Press again when it is there.")

    def no_more_moves(self) -> str:
        return self.gettext("These were all the moves that it knows. Send the picture with words of your own.")
