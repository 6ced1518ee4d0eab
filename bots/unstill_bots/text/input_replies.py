"""What is said where a model cannot make a clip of what was sent: of words alone, of one picture, of two."""

from __future__ import annotations

from unstill_bots.text.language import Sentences
from unstill_bots.text.translations import N_

INPUTS: dict[str, str] = {
    "no_picture": N_("{model} makes no clip of words alone. Send a picture with them."),
    "no_words": N_("There is neither a picture nor a word to make a clip of. Send one of them."),
    "one_picture": N_("{model} makes a clip of one picture, not from one to another. Send one, or leave that out."),
    "words_only": N_("{model} makes clips of words alone. Send your words without a picture."),
    "last_picture_missing": N_(
        "A clip from one picture to another needs both. Send two pictures together, the first and the last."
    ),
    "no_clip": N_("There is no clip here to go on from. Answer one of yours with --extend, and without a picture."),
    "clip_not_there": N_("The clip to go on from is not made yet. Ask again when it is there."),
    "clip_not_yours": N_("Only who asked for a clip can make it longer. Send a picture of your own."),
    "clip_whole": N_("A clip has three pieces at most, and this one has them. Begin a new one with a picture."),
    "end_not_kept": N_(
        "The end of this clip was not kept, so nothing can go on from it. Ask for the clip again, and go on from that."
    ),
    "piece_gone": N_("The clip to go on from was deleted, or is too old. Make a new one, and go on from that."),
}
"""The sentences by code, which are those of objections, too."""


class InputReplies(Sentences):
    """The sentences about the pictures of a clip, in one language."""

    def input_error(self, code: str, model: str) -> str:
        """Return one of INPUTS. `model` is what the model is called."""
        return self._by_code(INPUTS, code, {"model": model})

    def received(self, pictures: int = 1) -> str:
        """Say that a request arrived. `pictures` as in `Request`."""
        if not pictures:
            return self.gettext("Got it. Reading your words …")
        return self.gettext("Got it. Looking at your picture …")
