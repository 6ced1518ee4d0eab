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
