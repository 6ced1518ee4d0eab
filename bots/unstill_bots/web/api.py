"""What a program does here: `/api/v1`, in JSON, with the same pipeline and the same rules as the page."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from unstill_bots.actions.option_offers import is_offered
from unstill_bots.delivery.message import Phase
from unstill_bots.intake.objection import Objection
from unstill_bots.text.page_replies import PROBLEMS, PageReplies
from unstill_bots.web import problems
from unstill_bots.web.asking import Asked
from unstill_bots.web.cards import Card
from unstill_bots.web.context import EXPIRED, WebContext, recipe_of
from unstill_bots.web.drawing import Drawing
from unstill_bots.web.events import Stream, is_over, stream
from unstill_bots.web.json_body import upload_of
from unstill_bots.web.openapi import openapi
from unstill_bots.web.pending import id_of, key_of
from unstill_bots.web.serving import API, VISITOR, Guard
from unstill_bots.web.uploads import OF, Refused, Upload, read_form, read_json
from unstill_bots.web.visitor import Visitor
from unstill_queue.contract.codes import SAID
from unstill_queue.contract.jobs import Failed, Outcome, Succeeded
from unstill_queue.contract.options import OPTIONS

ONCE_MOST = 200
"""Characters of an idempotency key."""
NAMES = frozenset(option.name for option in OPTIONS if not option.apart)


class Api:
    """The handlers of the API."""

    def __init__(self, context: WebContext, guard: Guard, drawing: Drawing) -> None:
        self._context = context
        self._guard = guard
        self._drawing = drawing
        self._base = f"{context.own.base}{API}"

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(f"{API}/clips", self._ask),
            web.get(f"{API}/clips", self._list),
            web.get(f"{API}/clips/{{key}}", self._one),
            web.delete(f"{API}/clips/{{key}}", self._delete),
            web.get(f"{API}/clips/{{key}}/events", self._events),
            web.get(f"{API}/clips/{{key}}/clip.mp4", self._clip),
            web.get(f"{API}/clips/{{key}}/poster.jpg", self._poster),
            web.get(f"{API}/clips/{{key}}/recipe", self._recipe),
            web.get(f"{API}/options", self._options),
            web.get(f"{API}/models", self._models),
            web.get(f"{API}/presets", self._presets),
            web.get(f"{API}/status", self._status),
            web.get(f"{API}/healthz", self._healthz),
            web.get(f"{API}/openapi.json", self._openapi),
            web.get(f"{API}/docs", self._docs),
        ]

    # -- asking

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        visitor, context = request[VISITOR], self._context
        once = request.headers.get("Idempotency-Key", "")
        if len(once) > ONCE_MOST:
            raise Refused(400, "wrong_body")
        if request.content_type == "application/json":
            upload = upload_of(await read_json(request, context.own.upload_most))
        else:
            most = context.catalog.platforms[context.platform].download_limit
            upload = await read_form(request, context.own.upload_most, most)
        unknown = next((name for name in upload.fields if name not in ("prompt", OF, *NAMES)), None)
        if unknown is not None:
            raise Refused(422, "wrong_field", unknown)
        asked = await self._asked(visitor, upload, once)
        if not asked.keys:
            return self._refused(asked.refused or Objection(PageReplies(visitor.language).already()))
        response = _json({**await self._told(visitor, asked.keys[0]), **self._beside(asked)}, 202)
        response.headers["Location"] = f"{self._base}/clips/{asked.keys[0]}"
        if visitor.new:
            await self._guard.remember(request, response, visitor)
        return response

    async def _asked(self, visitor: Visitor, upload: Upload, once: str) -> Asked:
        words = self._context.asking.words(visitor, upload.fields)
        if isinstance(words, Asked):
            return words
        if key := upload.fields.get(OF):
            if upload.files or upload.last:
                raise Refused(422, "wrong_field", OF)
            return await self._context.asking.ask_again(visitor, await self._context.shown(visitor, key), words, once)
        return await self._context.asking.ask(visitor, upload.files, words, once, upload.last)

    def _beside(self, asked: Asked) -> dict[str, Any]:
        """Return what is said of the other pictures that came in one request."""
        beside: dict[str, Any] = {"ids": asked.keys} if len(asked.keys) > 1 else {}
        if asked.refused:
            beside |= {"refused": asked.refused.said, "refused_code": asked.refused.code}
        return beside

    def _refused(self, objection: Objection) -> web.Response:
        status, documentation = problems.status_of(objection.code), f"{self._base}/docs"
        problem = problems.problem(status, objection.code, objection.said, documentation, objection.fields)
        return problems.response(problem, objection.retry_after)

    # -- what was asked for

    async def _told(self, visitor: Visitor, key: str) -> dict[str, Any]:
        """Return what is so of a request. Raises Refused."""
        card, record = await self._context.asked(visitor, key)
        at, made = f"{self._base}/clips/{key}", record.outcome if record else None
        links = {"self": at, "events": f"{at}/events", "poster": f"{at}/poster.jpg"}
        if card is not None and card.clip is not None:
            links |= {"clip": f"{at}/clip.mp4", "recipe": f"{at}/recipe"}
        return {
            "id": key,
            "state": card.phase if card else "received",
            "text": card.text.plain() if card else "",
            "share": card.share if card else None,
            "ready_at": card.ready_at if card else None,
            "created_at": card.at if card else record.accepted_at if record else None,
            "code": _code_of(card, made),
            "notes": record.notes if record else (),
            "clip": _clip_of(card, made) if card else None,
            "links": links,
        }

    async def _list(self, request: web.Request) -> web.Response:
        visitor = request[VISITOR]
        cards = await self._context.cards.all(visitor.user)
        told = []
        for card in cards:
            # one may be deleted meanwhile
            with contextlib.suppress(Refused):
                told.append(await self._told(visitor, key_of(card.id)))
        return _json({"clips": told})

    async def _one(self, request: web.Request) -> web.Response:
        return _json(await self._told(request[VISITOR], request.match_info["key"]))

    async def _delete(self, request: web.Request) -> web.Response:
        """End what is under way, and delete what was made."""
        visitor, key = request[VISITOR], request.match_info["key"]
        _, record = await self._context.asked(visitor, key)
        if record is None:
            # its record is over, and the card is all that is left
            await self._context.cards.remove(visitor.user, id_of(visitor.user, key))
        elif record.outcome is None:
            await self._context.asking.act(visitor, record, "cancel")
        else:
            await self._context.asking.act(visitor, record, "delete")
            await self._context.cards.remove(visitor.user, id_of(visitor.user, key))
        return web.Response(status=204)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        visitor, key = request[VISITOR], request.match_info["key"]
        own = id_of(visitor.user, key)
        await self._told(visitor, key)

        async def tell(events: Stream, id: str) -> bool:
            if id not in ("", own):
                return True
            card = await self._context.cards.get(visitor.user, own)
            if card is not None:
                await events.send("clip", await self._told(visitor, key))
            # what was just accepted has no card yet
            return (card is None and not id) or not is_over(card)

        return await stream(request, self._context.cards, visitor.user, self._context.stopping, tell)

    async def _clip(self, request: web.Request) -> web.StreamResponse:
        return await self._context.send_clip(request, request[VISITOR], request.match_info["key"])

    async def _poster(self, request: web.Request) -> web.Response:
        return await self._context.send_poster(request[VISITOR], request.match_info["key"])

    async def _recipe(self, request: web.Request) -> web.Response:
        return _json(recipe_of(await self._context.shown(request[VISITOR], request.match_info["key"])))

    # -- what there is

    async def _options(self, request: web.Request) -> web.Response:
        replies, served = PageReplies(request[VISITOR].language), await self._context.pipeline.serving.now()
        found = [
            {
                "name": option.name,
                "type": option.type,
                "help": replies.translated(option.help),
                "takes": replies.allowed(option.allowed(served.offered)),
                "choices": option.choices_in(served.offered) if option.type == "choice" else None,
                "resolutions": sorted({size for model in served.models.values() for size in model.resolutions})
                if is_offered(option) and option.type == "int"
                else None,
                "minimum": option.least,
                "maximum": option.most,
                "unit": option.unit or None,
            }
            for option in served.options
            if not option.apart
        ]
        return _json({"options": [{name: value for name, value in one.items() if value is not None} for one in found]})

    async def _models(self, request: web.Request) -> web.Response:
        served = await self._context.pipeline.serving.now()
        models = [
            {
                "name": name,
                "title": model.title,
                "synthetic": model.synthetic,
                "filled": model.filled,
                "abilities": model.abilities,
                "licence": model.licence.name,
                "default": name == served.default,
                "served": name in served.names,
            }
            for name, model in served.models.items()
        ]
        return _json({"models": models})

    async def _presets(self, request: web.Request) -> web.Response:
        replies, served = PageReplies(request[VISITOR].language), await self._context.pipeline.serving.now()
        known = {option.name for option in OPTIONS}
        presets = [
            {
                "name": name,
                "title": replies.translated(preset.title),
                "help": replies.translated(preset.help_of(draws=served.draws)),
                # what a preset sets besides, nobody can ask for
                "values": {key: value for key, value in preset.for_model(served.default).items() if key in known},
            }
            for name, preset in served.presets.items()
        ]
        return _json({"presets": presets})

    async def _status(self, request: web.Request) -> web.Response:
        ledger = self._context.pipeline.client.ledger
        engines = len({name for each in (await ledger.engines()).values() for name, _ in each})
        jobs = len(await ledger.open_ids())
        text = PageReplies(request[VISITOR].language).status(engines, jobs)
        return _json({"engines": engines, "jobs": jobs, "text": text})

    async def _healthz(self, request: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def _openapi(self, request: web.Request) -> web.Response:
        return _json(openapi(self._context.catalog, self._base, self._context.own.upload_most))

    async def _docs(self, request: web.Request) -> web.Response:
        replies = PageReplies(request[VISITOR].language)
        described = openapi(self._context.catalog, self._base, self._context.own.upload_most)
        text = self._drawing.draw(
            "docs.html",
            replies.language,
            api=described,
            where=self._base,
            origin=f"{'https' if self._guard.is_secure(request) else 'http'}://{request.host}",
            problems={
                **{code: problems.sentence(replies, code, self._context.own.upload_most, "…") for code in PROBLEMS},
                **replies.refusals(),
            },
        )
        return web.Response(text=text, content_type="text/html")


def _code_of(card: Card | None, outcome: Outcome | None) -> str | None:
    """Return why there is no clip. What was said in a sentence alone is a refusal."""
    if card is not None and card.phase is Phase.FAILED and isinstance(outcome, Succeeded):
        return card.code or EXPIRED
    if not isinstance(outcome, Failed):
        return None
    return "refused" if outcome.code == SAID else outcome.code


def _clip_of(card: Card, outcome: Outcome | None) -> Mapping[str, Any] | None:
    if card.clip is None:
        return None
    kept = ("size", "width", "height", "duration", "name", "alt")
    clip = {name: getattr(card.clip, name) for name in kept}
    if isinstance(outcome, Succeeded):
        clip |= {name: getattr(outcome, name) for name in ("fps", "synthetic", "filled", "render_seconds")}
    return clip


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
