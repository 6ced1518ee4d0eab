"""What is refused before it is a request for a clip, as RFC 9457 problem documents for programs."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from aiohttp import web

from unstill_bots.intake.objection import QUOTAS
from unstill_bots.text.page_replies import PROBLEMS, REFUSALS, PageReplies
from unstill_bots.text.sentences import PICTURES

CONTENT_TYPE = "application/problem+json"
CODES = (*PROBLEMS, *REFUSALS, *PICTURES)
"""Every code of a problem document."""
BUSY = (*QUOTAS, "too_many_requests")
"""Those that pass by themselves."""
BY_CODE = {"paused": 503, "blocked": 403}
"""What the host does not want now, or from somebody."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document. `code` is a word that stays the same in all languages and versions, one of CODES.

    `fields` are the names of what is wrong.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    fields: tuple[str, ...] = ()


def problem(status: int, code: str, detail: str, documentation: str, fields: Sequence[str] = ()) -> Problem:
    """Return a problem whose type is a place in the `documentation`."""
    return Problem(f"{documentation}#{code}", HTTPStatus(status).phrase, status, code, detail, tuple(fields))


def status_of(code: str) -> int:
    """Return the status of a request that is refused by one of REFUSALS or PICTURES."""
    return BY_CODE.get(code, 429 if code in BUSY else 422)


def response(one: Problem, retry_after: int | None = None) -> web.Response:
    headers = {"Cache-Control": "no-store"} | ({} if retry_after is None else {"Retry-After": str(retry_after)})
    return web.Response(body=msgspec.json.encode(one), status=one.status, content_type=CONTENT_TYPE, headers=headers)


def sentence(replies: PageReplies, code: str, most: int = 0, field: str = "") -> str:
    """Return the sentence of a problem. `most`: the bytes that a body may have."""
    return replies.problem(code, megabytes=f"{most / 1024**2:.3g}", field=field)
