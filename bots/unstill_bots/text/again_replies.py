"""The sentences about making more of the same picture: another clip, another move, other words."""

from __future__ import annotations

from unstill_bots.text.pages import Item, Page, Section
from unstill_bots.text.replies import Replies

COPIED_MOST = 1024
"""Characters of a person's words that are shown to be copied."""


class AgainReplies(Replies):
    """`Replies`, and what is said where the same picture is asked for again."""

    def button_again(self, *, moves: bool = False) -> str:
        """Name the button for one more clip. `moves`: it is another move of the camera."""
        return self.gettext("Another move") if moves else self.gettext("Again")

    def button_extend(self) -> str:
        """Name the button for the clip with one more piece."""
        return self.gettext("Extend")

    def button_edit(self) -> str:
        return self.gettext("Edit")

    def ask_anew(self, words: str) -> Page:
        """Ask for other words in place of `words`, which stand there to be copied, in an answer to this message.

        Words that would not stand in one message are left out: the person has them in their own.
        """
        if not words or len(words) > COPIED_MOST:
            return Page((Section("", (Item(self.gettext("Answer this message with the words for the picture.")),)),))
        asked = Item(self.gettext("Answer this message with the words as they should be. They were:"))
        return Page((Section("", (asked, Item(terms=(" ".join(words.split()),)))),))

    def ask_in_answer(self, *, draws: bool) -> str:
        """Ask for words in an answer to this message. `draws` as in `example`."""
        if draws:
            return self.gettext("What should move, and how? Answer this message with a few words.")
        return self.gettext("How should the camera move? Answer this message with a few words, such as “zoom in”.")

    def or_choose(self) -> str:
        return self.gettext("Or choose:")

    def on_its_way(self, move: str = "") -> str:
        """Say that a clip was asked for. `move`: the camera words that were chosen for it, in English."""
        return self.gettext("On its way: {move}.", move=self.translated(move)) if move else self.gettext("On its way.")

    def one_at_a_time(self) -> str:
        return self.gettext("One more is in the making. Press again when it is there.")

    def no_more_moves(self) -> str:
        return self.gettext("These were all the moves that it knows. Send the picture with words of your own.")
