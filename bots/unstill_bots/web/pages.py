"""What a person does on the page: each handler answers a browser, with its script or without."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from aiohttp import web

from unstill_bots.actions.presses import ACTIONS, EDIT
from unstill_bots.actions.user_jobs import UserJobs
from unstill_bots.text.page_replies import PageReplies
from unstill_bots.web import problems
from unstill_bots.web.asking import Asked
from unstill_bots.web.cards import Card
from unstill_bots.web.context import WebContext, recipe_of
from unstill_bots.web.drawing import FILES, MARK, Drawing, file, mark, version
from unstill_bots.web.events import Stream, stream
from unstill_bots.web.form import advised, form_of
from unstill_bots.web.pending import key_of
from unstill_bots.web.serving import VISITOR, Guard, language_at
from unstill_bots.web.uploads import Refused, read_form
from unstill_bots.web.visitor import PLATFORM, Visitor, new_user, split
from unstill_queue.contract.options import TEXT_TO_VIDEO

YEAR = 365 * 24 * 3600
ON_CARDS = frozenset(name for name, action in ACTIONS.items() if PLATFORM in action.buttons and name != EDIT)
"""The actions that a card's buttons do here. The form asks for other words."""


class Pages:
    """The handlers of the page."""

    def __init__(self, context: WebContext, guard: Guard, drawing: Drawing) -> None:
        self._context = context
        self._guard = guard
        self._drawing = drawing

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._index),
            web.get("/static/{version}/{name}", self._file),
            web.get("/healthz", self._healthz),
            web.get("/form", self._fields),
            web.get("/advice", self._advice),
            web.get("/events", self._events),
            web.post("/clips", self._ask),
            web.get("/clips/{key}/clip.mp4", self._clip),
            web.get("/clips/{key}/poster.jpg", self._poster),
            web.get("/clips/{key}/recipe", self._recipe),
            web.post("/clips/{key}/dismiss", self._dismiss),
            web.post("/clips/{key}/{action}", self._act),
        ]

    # -- the page

    async def _index(self, request: web.Request) -> web.Response:
        return await self.page(request, request[VISITOR])

    async def page(self, request: web.Request, visitor: Visitor, status: int = 200, **values: Any) -> web.Response:
        """Draw the page. `values`: what was given to the form, and what is said of it."""
        context, replies = self._context, PageReplies(visitor.language)
        served = await context.pipeline.serving.now()
        cards = [] if visitor.new else await context.cards.all(visitor.user)
        given, of = values.pop("given", {}), values.pop("of", request.query.get("of", ""))
        if of and not given:
            given = await self._words_of(visitor, of)
        form = form_of(served, replies, given.get("model", ""), given)
        text = self._draw(
            visitor,
            "index.html",
            cards=cards,
            words={card.id: await context.words(card) for card in cards},
            under_way=await self._is_under_way(request, visitor, cards),
            form=form,
            alone=bool(served.able(TEXT_TO_VIDEO)),
            given=given,
            has_options=bool({field.name for field in form.fields} & given.keys()),
            of={"key": of} if of else None,
            once=new_user(),
            most=context.own.upload_most,
            too_large=problems.sentence(replies, "too_large", context.own.upload_most),
            hours=context.settings.storage.keep_hours,
            privacy=replies.privacy(
                context.settings.storage.keep_hours,
                context.settings.queue.keep_hours,
                replies.leaves(context.settings.prompt),
            ),
            # who is known by a chat has it all forgotten there, where nobody knows of tokens
            has_tokens=split(visitor.user)[0] == self._context.platform,
            tokens=[] if visitor.new else await context.visitors.tokens(visitor),
            **{"refused": "", "sent": "sent" in request.query, "token": "", **values},
        )
        return html(text, status)

    async def _is_under_way(self, request: web.Request, visitor: Visitor, cards: Collection[Card]) -> bool:
        """Return whether cards will change. What was just sent has no card yet."""
        if any(card.phase.under_way for card in cards):
            return True
        return "sent" in request.query and bool(await UserJobs(self._context.pipeline).open(visitor.person))

    async def _words_of(self, visitor: Visitor, key: str) -> dict[str, str]:
        """Return what was asked for in a card, as the form's fields. Raises Refused."""
        record = await self._context.shown(visitor, key)
        return {"prompt": record.request.words}

    def _draw(self, visitor: Visitor, template: str, **values: Any) -> str:
        return self._drawing.draw(template, visitor.language, **values)

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in FILES:
            raise Refused(404, "not_found")
        kept = request.match_info["version"] == version(name)
        headers = {"Cache-Control": f"public, max-age={YEAR}, immutable" if kept else "no-cache"}
        return web.Response(body=file(name), content_type=FILES[name], charset=_charset(name), headers=headers)

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _fields(self, request: web.Request) -> web.Response:
        """Answer with the fields of another model."""
        visitor, given = request[VISITOR], dict(request.query)
        served = await self._context.pipeline.serving.now()
        form = form_of(served, PageReplies(visitor.language), given.get("model", ""), given)
        return html(self._draw(visitor, "fields.html", form=form, of=given.get("of")))

    async def _advice(self, request: web.Request) -> web.Response:
        served, visitor = await self._context.pipeline.serving.now(), request[VISITOR]
        chosen = request.query.get("model", "")
        usual = chosen if chosen in served.models else served.default
        text, wrong = advised(request.query.get("prompt", ""), served, PageReplies(visitor.language), usual)
        return web.json_response({"text": text, "wrong": wrong}, headers={"Cache-Control": "no-store"})

    # -- asking

    async def _ask(self, request: web.Request) -> web.Response:
        visitor: Visitor = request[VISITOR]
        most = self._context.catalog.platforms[self._context.platform].download_limit
        upload = await read_form(request, self._context.own.upload_most, most)
        fields = dict(upload.fields)
        files = upload.files or ((file("sample.jpg"),) if "sample" in fields else ())
        asked = await self._asked(visitor, files, fields, upload.last)
        response = await self._answered(request, visitor, fields, asked)
        if visitor.new:
            await self._guard.remember(request, response, visitor)
        return response

    async def _asked(self, visitor: Visitor, files: tuple[bytes, ...], fields: dict[str, str], last: bytes) -> Asked:
        asking, once = self._context.asking, fields.get("once", "")
        words = asking.words(visitor, fields)
        if isinstance(words, Asked):
            return words
        of = await self._context.shown(visitor, fields["of"]) if fields.get("of") else None
        try:
            if of:
                return await asking.ask_again(visitor, of, words, once)
            return await asking.ask(visitor, files, words, once, last)
        except Refused as error:
            if error.code != "key_used":
                raise
            # a form that is sent again after it was changed is another request
            if of:
                return await asking.ask_again(visitor, of, words)
            return await asking.ask(visitor, files, words, last=last)

    async def _answered(
        self, request: web.Request, visitor: Visitor, fields: dict[str, str], asked: Asked
    ) -> web.Response:
        if _is_script(request):
            status = 202 if asked.keys else 422
            return web.json_response(
                {"keys": asked.keys, "refused": asked.refused.said if asked.refused else ""}, status=status
            )
        if asked.refused:
            given = {name: value for name, value in fields.items() if name not in ("once", "of")}
            # what was typed stands there still
            return await self.page(
                request, visitor, 422, given=given, of=fields.get("of", ""), refused=asked.refused.said
            )
        return web.Response(status=303, headers={"Location": f"{self._context.own.base}/?sent=1#clips"})

    # -- cards

    async def _events(self, request: web.Request) -> web.StreamResponse:
        visitor: Visitor = request[VISITOR]
        marks = request.query.get("known", "")
        known = {marks[at : at + MARK] for at in range(0, len(marks), MARK)}

        async def tell(events: Stream, id: str) -> bool:
            if id:
                card = await self._context.cards.get(visitor.user, id)
                await events.send("card", await self._told(visitor, id, card))
            else:
                cards = await self._context.cards.all(visitor.user)
                await events.send("cards", [await self._told(visitor, card.id, card, known) for card in cards])
            return True

        return await stream(request, self._context.cards, visitor.user, self._context.stopping, tell)

    async def _told(
        self, visitor: Visitor, id: str, card: Card | None, known: Collection[str] = ()
    ) -> dict[str, object]:
        """Return a card as the page's script wants it: without text where there is none, or its mark is `known`."""
        if card is None or mark(card) in known:
            return {"id": key_of(id), "html": ""}
        words = {card.id: await self._context.words(card)}
        return {"id": key_of(id), "html": self._draw(visitor, "card.html", card=card, words=words, near=True)}

    async def _clip(self, request: web.Request) -> web.StreamResponse:
        return await self._context.send_clip(request, request[VISITOR], request.match_info["key"])

    async def _poster(self, request: web.Request) -> web.Response:
        return await self._context.send_poster(request[VISITOR], request.match_info["key"])

    async def _recipe(self, request: web.Request) -> web.Response:
        visitor: Visitor = request[VISITOR]
        recipe = recipe_of(await self._context.shown(visitor, request.match_info["key"]))
        return html(self._draw(visitor, "recipe.html", recipe=recipe))

    async def _act(self, request: web.Request) -> web.Response:
        visitor, action = request[VISITOR], request.match_info["action"]
        if action not in ON_CARDS:
            raise Refused(404, "not_found")
        record = await self._context.shown(visitor, request.match_info["key"])
        done = await self._context.asking.act(visitor, record, action)
        if _is_script(request):
            return web.json_response({"said": done.said, "done": done.done}, status=409 if done.refused else 200)
        if done.refused:
            return html(self._draw(visitor, "said.html", said=done.said), 409)
        raise web.HTTPSeeOther(f"{self._context.own.base}/#clips")

    async def _dismiss(self, request: web.Request) -> web.Response:
        """Take away a card without a clip. One that is under way is cancelled by its own button."""
        visitor: Visitor = request[VISITOR]
        card = await self._context.card(visitor, request.match_info["key"])
        if not card.phase.under_way and card.clip is None:
            await self._context.cards.remove(visitor.user, card.id)
        if _is_script(request):
            return web.json_response({"said": ""})
        raise web.HTTPSeeOther(f"{self._context.own.base}/#clips")

    # -- refusals

    def said(self, request: web.Request, status: int, sentence: str) -> web.StreamResponse:
        """Draw a refusal, for a browser or for its script."""
        if _is_script(request):
            return web.json_response({"refused": sentence, "said": sentence}, status=status)
        return html(self._drawing.draw("said.html", language_at(request), said=sentence), status)


def html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})


def _is_script(request: web.Request) -> bool:
    return request.headers.get("Accept") == "application/json"


def _charset(name: str) -> str | None:
    return None if name.endswith(".jpg") else "utf-8"
