"""What a clip says about how it was made: for a person, for a program, and that no camera took it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from unstill_queue.contract.errors import QueueError
from unstill_queue.contract.jobs import Finish, Parameters
from unstill_queue.storage import mp4

VERSION = 1
RECIPE_TAG = "recipe"
SOURCE_TAG = "digitalsourcetype"
RECIPE_MAX = 256 * 1024
#: IPTC's term for media that a trained model made, http://cv.iptc.org/newscodes/digitalsourcetype
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
#: And for one of which a part is synthetic.
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
#: Where XMP stands in an MP4, by XMP Specification Part 3.
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


#: The parameters that a comment names where they are not at their defaults, and these.
_SAMPLED = {
    field.name: field.default
    for field in msgspec.structs.fields(Parameters)
    if not field.required and field.name not in ("width", "height")
}


class RecipeError(QueueError):
    """The clip tells no recipe, or one of a version that we do not read."""


class Recipe(msgspec.Struct, frozen=True):
    """How a clip was made. `made_by` is "AI" where a trained model made pixels or said where they go, else "camera".

    `notes` are codes of what was done otherwise than asked, up to the render: of `Job.notes` and `Succeeded.notes`.
    `sound`: the model made what is heard. `own_words` as in `Job`. `filled`: a model only judged the depth of a photo,
    and what that hides was filled in from what is around it.
    `before` has the parameters of the pieces before the last one, the first one first, where each goes on from the one
    before it; the last one is that of `parameters`.
    """

    made_by: Literal["AI", "camera"]
    model: str
    parameters: Parameters
    finish: Finish
    software: str
    version: int = VERSION
    notes: tuple[str, ...] = ()
    sound: bool = False
    own_words: str = ""
    filled: bool = False
    before: tuple[Parameters, ...] = ()

    @property
    def source_type(self) -> str:
        """Return IPTC's term for the clip's source; nothing where it is a photo's, of which none is known."""
        return "" if self.made_by != "AI" else COMPOSITE if self.filled else TRAINED

    def dump(self) -> str:
        """As one line of ASCII JSON; `load` gives the same recipe back."""
        return json.dumps(msgspec.to_builtins(self), ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Recipe:
        """Raises RecipeError where the text is no recipe."""
        if len(text) > RECIPE_MAX:
            raise RecipeError("The clip's recipe is too long to be one. It was not made here.")
        try:
            values = json.loads(text)
            version = values["version"]
            if version != VERSION:
                raise RecipeError(
                    f"The clip's recipe is of version {version!s:.9}, this program reads {VERSION}. Update it."
                )
            return msgspec.convert(values, cls)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise RecipeError("The clip's recipe cannot be read. It was changed after it was made.") from error

    def comment(self) -> str:
        """The same for people, on one line."""
        asked = self.parameters
        parts = [f"{self._how} ({self.model})."]
        if self.sound:
            parts.append("So is its sound.")
        if asked.prompt:
            parts.append(f"Prompt: {asked.prompt}.")
        if self.own_words:
            parts.append(f"It was written by a language model. The person's words: {self.own_words}.")
        if self.before:
            parts.append(f"In {len(self.before) + 1} pieces, each from the end of the one before; of the last one:")
        parts.append(
            f"Seed {asked.seed}, {asked.num_frames} frames at {asked.fps} fps{_sampling(asked)}. {self.software}."
        )
        return _one_line(" ".join(parts))

    @property
    def _how(self) -> str:
        if self.filled:
            return "Made from a photo by a camera in it; AI judged its depth, and what it hides was filled in"
        return "Made by AI" if self.made_by == "AI" else "Made from a photo by a moving camera; AI drew none of it"


def tags_of(recipe: Recipe) -> dict[str, str]:
    """Return tags by their MP4 names: the comment, the software, the recipe and IPTC's source type, where known."""
    tags = {"©cmt": recipe.comment(), "©too": recipe.software, RECIPE_TAG: recipe.dump()}
    return tags | ({SOURCE_TAG: recipe.source_type} if recipe.source_type else {})


def xmp_of(recipe: Recipe) -> bytes:
    """Return a box with an XMP packet that holds IPTC's source type; nothing where none is known."""
    if not recipe.source_type:
        return b""
    packet = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'Iptc4xmpExt:DigitalSourceType="{recipe.source_type}"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )
    return mp4.box(b"uuid", XMP_UUID, packet.encode())


def recipe_in(tags: Mapping[str, str]) -> Recipe:
    """Raises RecipeError where these tags hold none."""
    if RECIPE_TAG not in tags:
        raise RecipeError("The clip tells no recipe. It was not made here, or an app has stripped it.")
    return Recipe.load(tags[RECIPE_TAG])


def read_recipe(path: Path) -> Recipe:
    """The recipe of a clip; its text is a person's and may hold control characters.

    Raises:
        RecipeError: it tells none.
        Mp4Error: it is no MP4.
        OSError: it cannot be read.
    """
    return recipe_in(mp4.read_tags(path))


def _sampling(asked: Parameters) -> str:
    """Return the parameters beside prompt, seed and size that are not at their defaults, each after a comma."""
    named = ((name, getattr(asked, name)) for name, usual in _SAMPLED.items() if getattr(asked, name) != usual)
    return "".join(f', {name} "{value}"' if isinstance(value, str) else f", {name} {value:g}" for name, value in named)


def _one_line(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())
