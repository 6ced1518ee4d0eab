"""What is refused before it is a request for a clip, as RFC 9457 problem documents for programs."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from aiohttp import web

from unstill_bots.text.page_replies import PageReplies

CONTENT_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document. `code` is a word that stays the same in all languages and versions: one of
    `page_replies.PROBLEMS`, "picture" for one that is not taken, or "refused" by words, rules or quotas.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str


def problem(status: int, code: str, detail: str, documentation: str) -> Problem:
    """Return a problem whose type is a place in the `documentation`."""
    return Problem(f"{documentation}#{code}", HTTPStatus(status).phrase, status, code, detail)


def response(one: Problem) -> web.Response:
    return web.Response(body=msgspec.json.encode(one), status=one.status, content_type=CONTENT_TYPE)


def sentence(replies: PageReplies, code: str, most: int = 0, field: str = "") -> str:
    """Return the sentence of a problem. `most`: the bytes that a body may have."""
    return replies.problem(code, megabytes=f"{most / 1024**2:.3g}", field=field)
