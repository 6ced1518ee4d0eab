"""Says what a clip is made of (words alone, with a picture, or with a first and a last one), and which models can."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from unstill_bots.intake import captions
from unstill_bots.intake.objection import Objection
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.intake.served import Served
from unstill_bots.text.pairs import asks_for_both
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog, Model
from unstill_queue.contract.codes import note
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.jobs import Job, Request
from unstill_queue.contract.options import EXTEND, LAST_IMAGE, TEXT_TO_VIDEO

P = TypeVar("P", bound=PendingRequest)

NO_IMAGE = "no_image"
"""The ability of a model that makes clips of words alone and of nothing else."""
ONE_TOO_MANY = "one_picture"
"""The code of the objection to a second picture."""


class Inputs(msgspec.Struct, frozen=True):
    """The pictures beside the words. `aspect` as in `Request`. `extends`: the first is the last frame of an
    older clip.
    """

    first: bool = True
    last: bool = False
    aspect: float = 1.0
    extends: bool = False

    @classmethod
    def of(cls, request: Request) -> Inputs:
        """Return those of a request."""
        last = bool(request.last_source or request.last_stored)
        return cls(bool(request.pictures - last), last, request.aspect, bool(request.older))

    @classmethod
    def to_come(cls, pending: PendingRequest) -> Inputs:
        """Return those that a pending request will have."""
        return cls.of(pending.request(""))

    @property
    def ability(self) -> str:
        """The ability that a model needs for them; none for a single picture."""
        return LAST_IMAGE if self.last else "" if self.first else TEXT_TO_VIDEO

    def objection(self, model: Model, caption: captions.Caption, replies: Replies) -> Objection | None:
        """Return why a model makes no clip of them and of a caption, or None."""
        code = self._fault(model, caption)
        return Objection(replies.input_error(code, model.title), code) if code else None

    def _fault(self, model: Model, caption: captions.Caption) -> str:
        if caption.given.get(EXTEND) and not self.extends:
            return "no_clip"
        if self.last and not self.first:
            return "last_picture_missing"
        if self.last:
            return "" if LAST_IMAGE in model.abilities else ONE_TOO_MANY
        if not self.first:
            return "no_picture" if TEXT_TO_VIDEO not in model.abilities else "" if caption.prompt else "no_words"
        if NO_IMAGE in model.abilities:
            return "words_only"
        return "last_picture_missing" if caption.given.get(LAST_IMAGE) else ""


ONE_PICTURE = Inputs()


def model_for(ability: str, words: str, served: Served, usual: str) -> dict[str, str]:
    """Return the option, as it is typed, of the model that is served and has an ability, where the `usual` one has not;
    none where the words name one, or where none has.
    """
    model = served.catalog.models.get(usual)
    if captions.names(words, "model", served.catalog) or (model is not None and ability in model.abilities):
        return {}
    able = served.able(ability)
    return {"model": f"--model {able}"} if able else {}


def as_one(pendings: Sequence[P], words: str, catalog: Catalog) -> Sequence[P]:
    """Return pictures that were sent together as one request, where there are two and the words ask for a clip from the
    first to the second; else as they are, as where they end with a picture already.
    """
    if len(pendings) != 2 or Inputs.to_come(pendings[0]).last or not asks_for_last(words, catalog):
        return pendings
    first, last = pendings
    return [first.up_to(last)]


def asks_for_last(words: str, catalog: Catalog) -> bool:
    """Return whether words ask for a clip from one picture to another: by the option, else by what they say."""
    try:
        caption = captions.parse(words, catalog)
    except OptionError:
        # what is wrong with them is said by the answer
        return asks_for_both(words)
    said = caption.given.get(LAST_IMAGE)
    return asks_for_both(caption.prompt) if said is None else bool(said)


def can_close(job: Job, catalog: Catalog) -> bool:
    """Return whether a job's clip can end with the picture with which it begins."""
    model = catalog.models.get(job.parameters.model)
    return model is not None and LAST_IMAGE in model.abilities and len(job.pictures) == 1


def closed(job: Job, catalog: Catalog) -> Job:
    """Return a job that is to end with the picture with which it begins as one that runs forwards, then backwards,
    where its model or its pictures do not let it, which a note says; any other job as it is.
    """
    if not job.finish.seamless or can_close(job, catalog):
        return job
    finish = replace(job.finish, seamless=False, loop=True)
    return replace(job, finish=finish, notes=(*job.notes, note("loop_there_and_back")))


def takes_words_alone(words: str, served: Served) -> bool:
    """Return whether a model that is served makes a clip of words alone, and the words do not name another."""
    try:
        name = captions.parse(words, served.catalog, served.default).given.get("model")
    except OptionError:
        # what is wrong with them is said by the answer
        name = None
    model = served.models.get(str(name)) if name else None
    return TEXT_TO_VIDEO in model.abilities if model else bool(not name and served.able(TEXT_TO_VIDEO))
