"""What is said about words that came without a picture of their own."""

from __future__ import annotations

from unstill_bots.text.replies import Replies


class TalkReplies(Replies):
    """The sentences about words and the picture that they are for."""

    def words_wait(self) -> str:
        return self.gettext(
            "There is no picture here yet. Send it within two minutes and it gets these words, or reply to a picture."
        )

    def offer_last_picture(self, *, alone: bool = False) -> str:
        """Offer the last picture. `alone`: a clip can be made without one, too."""
        if alone:
            return self.gettext("There is no picture with these words. Send one, use your last one, or none:")
        return self.gettext("There is no picture with these words. Send one, or use your last one:")

    def button_last_picture(self) -> str:
        return self.gettext("With the last picture")

    def button_words_alone(self) -> str:
        return self.gettext("Without a picture")

    def picture_not_kept(self) -> str:
        return self.gettext("The picture of that message is no longer kept. Send it again with your words.")

    def picture_is_covered(self) -> str:
        return self.gettext("That picture was sent covered, so only its sender may use it. Send one of your own.")

    def clip_is_gone(self) -> str:
        return self.gettext(
            "The clip of that picture was deleted, so only its sender may use the picture. Send one of your own."
        )
