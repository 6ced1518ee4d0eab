"""The one way in: a request is written down first, then prepared, whatever platform it comes from."""

from __future__ import annotations

from msgspec.structs import replace

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.delivery.chat import Chat
from unstill_bots.delivery.message import SHUT_OUT
from unstill_bots.delivery.side_messages import DAY, SideMessages
from unstill_bots.delivery.stale_messages import StaleMessages
from unstill_bots.delivery.status_message import StatusMessages
from unstill_bots.host.background import BackgroundTasks
from unstill_bots.intake import captions
from unstill_bots.intake.declining import Declining, Tell, tell_nobody
from unstill_bots.intake.extending import Extending
from unstill_bots.intake.inputs import ONE_PICTURE, Inputs, model_for
from unstill_bots.intake.objection import Objection
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.intake.pictures import Pictures
from unstill_bots.intake.preparation import Preparation
from unstill_bots.intake.prompts import kept
from unstill_bots.intake.rewriter import PromptRewriter
from unstill_bots.intake.rules import Rules, Terms, no_rules
from unstill_bots.intake.served import Serving
from unstill_bots.safety.checks import Safety
from unstill_bots.safety.consent import Consent
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_queue.contract.codes import SAID
from unstill_queue.contract.errors import NotTaken, OptionError, QuotaExceeded
from unstill_queue.contract.jobs import Failed, ReplyAddress, Request, Requester
from unstill_queue.contract.options import EXTEND
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import Record
from unstill_queue.storage.base import Storage


class Pipeline:
    """The way in of one front end. `rules` hold wherever a request is prepared, after a kill too.

    `limited`: the host's limit of requests a minute holds for all that comes in here; what is over it is not in the
    ledger, and `tell` says so now and then. What takes its time runs in `background`.
    """

    def __init__(
        self,
        client: Client,
        storage: Storage,
        catalog: Catalog,
        settings: Settings,
        chat: Chat,
        status: StatusMessages,
        *,
        rules: Rules = no_rules,
        tell: Tell = tell_nobody,
        background: BackgroundTasks | None = None,
        pictures: Pictures | None = None,
        limited: bool = True,
        serving: Serving | None = None,
        safety: Safety | None = None,
        rewriter: PromptRewriter | None = None,
    ) -> None:
        self.client = client
        self.storage = storage
        self.catalog = catalog
        self.settings = settings
        self.preferences = PreferenceStore(client.redis)
        self.safety = safety or Safety()
        self.consent = Consent(client.redis, client.ledger.names)
        self.serving = serving or Serving.of(client.ledger, catalog, settings)
        self.extending = Extending(client.ledger, storage, catalog)
        self._status = status
        self.background = background or BackgroundTasks()
        self.stale = StaleMessages(client.redis, chat)
        self.side = SideMessages(client.redis, chat, settings.bots.withdraw_after)
        self._preparation = Preparation(
            client, storage, catalog, self.serving, chat, status, rules, self.objection, pictures, self.safety,
            rewriter or PromptRewriter(settings.prompt), self.extending,
        )  # fmt: skip
        self._rules = rules
        self._declining = Declining(tell, self.side, self.background)
        self._limited = limited
        platform = catalog.platforms[chat.platform]
        self._upload_limit = platform.upload_limit - platform.multipart_overhead

    # -- in

    async def accept(
        self,
        pending: PendingRequest,
        words: str,
        *,
        own: Preferences | None = None,
        note: str | None = None,
        start: bool = True,
    ) -> Request | None:
        """Write a picture with its words down, and have it prepared. When this returns, it will be answered.

        The person's own defaults, `own` where the caller knows them, stand before their words. `note` is a message of
        ours that becomes the status message. Without `start` the caller calls `start` or `prepare`. Returns the
        request, or None where it was here before.

        Raises:
            NotTaken: it is not taken.
        """
        request = await self.request(pending, words, own=own)
        return request if await self.enter(request, pending.age, note=note, start=start) else None

    async def take(self, pending: PendingRequest, words: str, *, own: Preferences | None = None) -> bool:
        """Do as `accept` for a message that nobody waits to see answered: who asks too fast is told now and then."""
        try:
            return await self.accept(pending, words, own=own) is not None
        except NotTaken as error:
            self._declining.decline(pending.who, pending.address(), error)
            return False

    async def request(
        self,
        pending: PendingRequest,
        words: str,
        *,
        own: Preferences | None = None,
        id: str | None = None,
        former: Record | None = None,
    ) -> Request:
        """Return the queue's request, with the person's own defaults before words that do not say otherwise, and a
        model that can make a clip of its pictures where the usual one cannot.

        `id` as in `PendingRequest.request`. `former`: the record of the same message with other words; a prompt that a
        language model made of the same words stays. Raises RedisError.
        """
        if own is None:
            own = await self.preferences.get(pending.who.person)
        options = own.options
        if captions.asks(words, EXTEND, self.catalog):
            request = await self.extending.request(pending, words, options, id=id)
        else:
            if ability := Inputs.to_come(pending).ability:
                options |= model_for(ability, words, await self.serving.now(), self.serving.model)
            request = pending.request(captions.with_defaults(words, options, self.catalog), id=id)
        if self.settings.prompt.is_on:
            if former is None and pending.older and pending.older.job:
                former = await self.record(pending.older.job)
            request = replace(request, rewritten=kept(former, request, self.catalog, self.serving.model))
        return request if request.upload_limit else replace(request, upload_limit=self._upload_limit)

    async def enter(
        self, request: Request, age: float = 0.0, *, note: str | None = None, paced: bool = False, start: bool = True
    ) -> bool:
        """Do as `accept` for a request that is made out of another. False: it was here before.

        `age` in seconds: what is older than a day is answered so. `paced`: `may_ask` has counted it.

        Raises:
            NotTaken: it is not taken.
        """
        new = await self.client.ledger.accept(
            request, per_minute=0 if paced or not self._limited else self.client.quota.person_requests
        )
        if note is not None:
            await self.adopt(request.id, note)
        if new:
            self.background.spawn(self.side.taken(request.reply_to, request.requester.user))
            self.background.spawn(self.stale.reached(request.reply_to.chat))
        if new and age > DAY:
            await self.client.refuse(request.id, Failed(SAID, ChatReplies(request.requester.language).too_old()))
        elif new and start:
            self.start(request)
        return new

    async def adopt(self, id: str, note: str, *, receipt_of: Request | None = None) -> bool:
        """Make a message of ours the status message. False: there is one already.

        `receipt_of`: the request whose receipt it is already, so that it needs no edit.
        """
        # before it is on record, as this may be repeated after a kill
        await self.side.kept(note)
        if await self.client.ledger.note_begin(id) != "go":
            return False
        await self.client.ledger.note_set(id, note)
        if receipt_of is not None:
            self._status.stands(receipt_of, note)
        return True

    def start(self, request: Request, *, fresh: bool = True) -> None:
        """Have a request prepared beside whatever else happens. `fresh` as in `Preparation.prepare`."""
        self.background.spawn(self._preparation.prepare(request, fresh=fresh))

    async def prepare(self, request: Request) -> bool:
        """Prepare a request, as `Preparation.prepare` does."""
        return await self._preparation.prepare(request)

    async def refusal(
        self, pending: PendingRequest, words: str | None, *, rules: Preferences | None = None
    ) -> Objection | None:
        """Return the sentence that refuses it now, or None: by the host, its chat's rules, its words and quotas.

        It is looked at once more when it is prepared; here it is so that the person alone is told. `words` None: they
        are not known yet. `rules` are what its chat has set, where the caller knows that. Raises RedisError.
        """
        shut = await self.shut_out(pending.who)
        if shut is not None:
            return shut
        if rules is None:
            rules = await self.preferences.get(pending.who.place)
        terms = Terms.of(rules, pending.replies)
        forbidden = pending.forbidden(rules)
        if forbidden is None and pending.whose:
            forbidden = await self.consent.objection(pending.whose, rules, pending.replies)
        if forbidden is not None:
            return Objection(forbidden)
        inputs: Inputs | Objection = Inputs.to_come(pending)
        if words is not None and captions.asks(words, EXTEND, self.catalog):
            inputs = await self.extending.inputs(pending)
        if isinstance(inputs, Objection):
            return inputs
        return await self.objection(pending.who, words, terms, inputs)

    async def shut_out(self, who: Requester) -> Objection | None:
        """Return the sentence for whom the host lets ask for nothing now, or None. Raises RedisError."""
        try:
            await self.client.ledger.gate(who)
        except NotTaken as error:
            return Objection.to_asking(error, ChatReplies(who.language))
        return None

    async def objection(
        self,
        who: Requester,
        words: str | None,
        terms: Terms | None = None,
        inputs: Inputs = ONE_PICTURE,
        beside: int = 0,
    ) -> Objection | None:
        """Return the sentence that refuses a request before its picture is fetched: by words, by what its model can do
        with its `inputs`, by rules or quotas; or None.

        `words` None: they are not known yet, and quotas count as far as they are used up.
        `beside`: so many of its like are asked for together with it, and come before it.
        """
        terms = terms or Terms()
        if terms.refusal is not None:
            return Objection(terms.refusal)
        replies = Replies(who.language)
        try:
            cost, objection = self._preparation.estimate(words, inputs, replies)
            if objection is None:
                await self.client.check(who, cost=cost * (1 + beside), chat_jobs=terms.jobs, jobs=1 + beside)
        except OptionError as error:
            return Objection.to_words(error, replies)
        except QuotaExceeded as error:
            return Objection.to_quota(error, terms.too_much(error, replies))
        return objection

    async def terms(self, request: Request) -> Terms:
        """Return the terms that the rules of its chat set for a request. Raises RedisError, ChatError."""
        return await self._rules(request)

    def is_wrong(self, words: str) -> bool:
        """Return whether a caption cannot be made as it is, whoever asks and wherever."""
        return self._preparation.is_wrong(words)

    # -- who asks too fast

    async def may_ask(self, request: Request) -> bool:
        """Count a request that is about to be written down; who asks too fast is told now and then."""
        try:
            await self.client.pace(request.requester)
        except NotTaken as error:
            self._declining.decline(request.requester, request.reply_to, error)
            return False
        return True

    def refuse(self, to: ReplyAddress, sentence: str, user: str) -> None:
        """Tell `user`, as in `Requester.user`, what is not done; where others read it too it does not stay."""
        self._declining.refuse(to, sentence, user)

    # -- what is known

    async def record(self, id: str) -> Record | None:
        """Return a request's record, or None where there is none any more."""
        return await self.client.ledger.find(id)

    async def back(self, place: str) -> None:
        """Mend the messages that were left in a chat to which the bot has come back. Raises RedisError."""
        await self.stale.back(place)

    async def leave(self, place: str, *, forget: bool = True) -> None:
        """End all of a chat that the bot was removed from, and `forget` its settings. `place` as `Requester.place`."""
        platform = place.partition(":")[0]
        for id in await self.client.ledger.open_ids():
            if id.startswith(f"{platform}:"):
                record = await self.record(id)
                if record is not None and record.request.requester.place == place:
                    await self.client.cancel(id, SHUT_OUT)
        if forget:
            await self.preferences.forget(place)
