"""Requests for clips: pictures made safe and stored, then written down; actions on what was made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from unstill_bots.actions import option_offers
from unstill_bots.actions.job_actions import Done, JobActions
from unstill_bots.actions.presses import Thing
from unstill_bots.delivery.chat import ChatError
from unstill_bots.intake import captions
from unstill_bots.intake.admission import Admission, Written
from unstill_bots.intake.caption_options import typed_as
from unstill_bots.intake.inputs import Inputs, asks_for_last
from unstill_bots.intake.objection import Objection
from unstill_bots.intake.older_picture import OlderPicture, discard
from unstill_bots.intake.pending import numbered
from unstill_bots.intake.pictures import PictureError, Pictures, SafePicture
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.page_replies import PageReplies
from unstill_bots.web.chat import WebChat
from unstill_bots.web.pending import BODY, WebRequest, id_of, key_of, pending_of
from unstill_bots.web.uploads import Refused
from unstill_bots.web.visitor import Visitor, new_user, split
from unstill_config.catalog import Value
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.fairness import aspect_of
from unstill_queue.contract.options import OPTIONS
from unstill_queue.ledger.ledger import Record

UNSEEN = "unseen"
"""Stands for the storage key of a picture that is not looked at yet."""


class Asked(msgspec.Struct, frozen=True):
    """The result of asking: the keys of the requests that stand for it now, and why some of it is not taken; the code
    of `refused` is one of `problems.CODES`.
    """

    keys: tuple[str, ...] = ()
    refused: Objection | None = None


class Asking:
    """The way from a body to the pipeline, and from a button to its action."""

    def __init__(self, pipeline: Pipeline, pictures: Pictures, chat: WebChat) -> None:
        self._pipeline = pipeline
        self._pictures = pictures
        self._chat = chat
        self._admission = Admission(pipeline)
        self._jobs = JobActions(pipeline)

    def words(self, visitor: Visitor, fields: Mapping[str, str]) -> str | Asked:
        """Return the caption that a form's fields make, or why there is none."""
        try:
            return words_of(fields, self._pipeline)
        except OptionError as error:
            return Asked(refused=Objection.to_words(error, PageReplies(visitor.language)))

    async def ask(
        self, visitor: Visitor, files: Sequence[bytes], words: str, once: str = "", last: bytes = b""
    ) -> Asked:
        """Ask for clips of pictures, which all end with the `last` one where there is one, or for one of words alone.
        `once`: what a client calls this request, so that it may send it again; what was taken of it before is not
        asked for anew.

        When it returns, what was taken will be answered. Raises RedisError, StorageError; Refused where another request
        has that name.
        """
        if len(files) == 2 and not last and asks_for_last(words, self._pipeline.catalog):
            files, last = files[:1], files[1]
        everything = [*files, *filter(None, [last])]
        replies, key, body = PageReplies(visitor.language), _key(once), _fingerprint(everything, words)
        known = await self._known(visitor, key, body, len(files)) if once else []
        if len(known) == max(1, len(files)):
            return Asked(tuple(known))
        refused = None if known else await self._objection(visitor, words, Inputs(bool(files), bool(last)))
        if refused is not None:
            return Asked(refused=refused)
        if not files:
            pending = pending_of(visitor, key, OlderPicture(""), body)
            return await self._begun(await self._admission.write([pending], words), [pending])
        safe: list[SafePicture] = []
        unfit: list[Objection] = []
        for data in everything:
            try:
                safe.append(await self._pictures.make_safe(data))
            except PictureError as error:
                unfit.append(Objection(replies.picture_error(error), error.code))
        if not safe or (last and unfit):
            return Asked(refused=_together(unfit))
        end = safe.pop() if last else None
        found = await self._store(visitor, key, safe, words, body, end)
        return Asked(found.keys, _together([*unfit, *filter(None, [found.refused])]))

    async def _known(self, visitor: Visitor, key: str, body: str, count: int) -> list[str]:
        """Return the keys that a request of `count` pictures has already. Raises RedisError, Refused."""
        known = []
        for number in range(max(1, count)):
            each = numbered(key, number)
            record = await self._pipeline.record(id_of(visitor.user, each))
            if record is None:
                continue
            # one of the version before this one does not say what its body was
            if not record.forgotten and record.request.reply_to.extra.get(BODY, body) != body:
                raise Refused(422, "key_used")
            known.append(each)
        return known

    async def ask_again(self, visitor: Visitor, record: Record, words: str, once: str = "") -> Asked:
        """Ask for a clip of a request's picture with other words. `once` as in `ask`. Raises RedisError, Refused."""
        replies, picture, key = ChatReplies(visitor.language), OlderPicture.of(record), _key(once)
        body = _fingerprint([record.id.encode()], words)
        if once and await self._known(visitor, key, body, 1):
            return Asked((key,))
        if picture is None:
            return Asked(refused=Objection(replies.picture_not_kept(), "picture_not_kept"))
        pending = pending_of(visitor, key, picture, body)
        return await self._begun(await self._admission.write([pending], words), [pending])

    async def _store(
        self,
        visitor: Visitor,
        key: str,
        pictures: Sequence[SafePicture],
        words: str,
        body: str,
        last: SafePicture | None,
    ) -> Asked:
        storage, keys = self._pipeline.storage, [numbered(key, number) for number in range(len(pictures))]
        stored = [await storage.put(picture.data, suffix=picture.suffix) for picture in pictures]
        # each clip has a last one of its own, as that goes with it
        lasts = [await storage.put(last.data, suffix=last.suffix) if last else "" for _ in pictures]
        pendings = [
            pending_of(visitor, each, _stored(at, picture), body, own=True, last=end)
            for each, at, picture, end in zip(keys, stored, pictures, lasts, strict=True)
        ]
        # where this fails it may have landed all the same: the ledger brings it back, with its pictures
        written = await self._admission.write(pendings, words)
        taken = {at for request in written.new for at in (request.stored, request.last_stored)}
        await discard(storage, *(at for at in (*stored, *lasts) if at not in taken))
        return await self._begun(written, pendings)

    async def _begun(self, written: Written, pendings: Sequence[WebRequest]) -> Asked:
        """Have what was written down prepared, and say what became of it."""
        for request in written.new:
            self._pipeline.start(request)
        new = {key_of(request.id) for request in written.new}
        # what was written down before, or at the same moment by the same request, stands as well
        stands = [one.key for one in pendings if one.key in new or await self._pipeline.record(one.id) is not None]
        return Asked(tuple(stands), written.objection)

    async def _objection(self, visitor: Visitor, words: str, inputs: Inputs) -> Objection | None:
        """Return what is wrong with words, with what a model can do with these `inputs`, or with quotas, before a
        picture is looked at.
        """
        first, last = (UNSEEN if one else "" for one in (inputs.first, inputs.last))
        pending = pending_of(visitor, "", OlderPicture(first), last=last)
        request = await self._pipeline.request(pending, words)
        return await self._pipeline.refusal(pending, request.words)

    async def act(self, visitor: Visitor, record: Record, action: str) -> Done:
        """Do what a button says. Raises RedisError."""
        actor = WebActor(visitor, self._chat, record.note or "")
        attempt = await self._jobs.look(action, record, actor)
        return await self._jobs.attempt(attempt, ChatReplies(visitor.language))


class WebActor:
    """Whoever pressed a button on their own card. `message` is the card."""

    def __init__(self, visitor: Visitor, chat: WebChat, message: str) -> None:
        self._chat = chat
        self.user, self.chat = split(visitor.user)[1], visitor.user
        self.person = visitor.person
        self.message = message
        self.press = new_user()

    async def owns(self, user: str) -> bool | None:
        return user == self.user

    async def moderates(self) -> bool:
        return False

    async def manages(self) -> bool:
        return False

    async def thing_of(self, record: Record) -> Thing:
        return Thing(record.request.requester.user, record.request.reply_to.chat, record.note or "")

    async def shown(self) -> Thing | None:
        return None

    async def remove(self) -> bool:
        try:
            await self._chat.remove(self.message)
        except ChatError:
            return False
        return True


def words_of(fields: Mapping[str, str], pipeline: Pipeline) -> str:
    """Return the caption that a form's fields make: what was chosen, then the prompt.

    Raises:
        OptionError: a value that its option does not take; all of them together.
    """
    given: dict[str, Value | None] = {}
    wrong: list[OptionError] = []
    for option in (option for option in OPTIONS if not option.apart):
        typed = fields.get(option.name, "").strip()
        if typed:
            given[option.name] = typed
            try:
                # as in a caption, where more is understood than the option by itself takes
                read = captions.parse(option_offers.words("", {option.name: typed}), pipeline.catalog)
                if read.prompt:
                    # yes or no may be left out, so that what is neither would be a word of the prompt
                    raise OptionError(option.name, typed, option.allowed(pipeline.catalog))
            except OptionError as error:
                wrong += (typed_as("", fault) for fault in error.faults)
    if wrong:
        raise OptionError.together(wrong)
    return option_offers.words(fields.get("prompt", ""), given)


def _stored(key: str, picture: SafePicture) -> OlderPicture:
    """Return a picture that was stored for one request alone, under `key`."""
    return OlderPicture(key, aspect_of(picture.width, picture.height), key, notes=picture.notes)


def _together(objections: Sequence[Objection]) -> Objection | None:
    """Return several objections as one, by the code of the first."""
    if not objections:
        return None
    first = objections[0]
    return Objection(
        " ".join(dict.fromkeys(one.said for one in objections)), first.code, first.fields, first.retry_after
    )


def _fingerprint(files: Sequence[bytes], words: str) -> str:
    """Return what tells one body from another; what was in it cannot be made of it."""
    whole = hashlib.sha256(words.encode())
    for data in files:
        whole.update(hashlib.sha256(data).digest())
    return whole.hexdigest()[:32]


def _key(once: str) -> str:
    """Return the key of a new request; of one that a client named always the same, which tells nobody that name."""
    return hashlib.sha256(once.encode("utf-8", "surrogateescape")).hexdigest()[:26] if once else new_user()
