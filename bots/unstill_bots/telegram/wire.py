"""What the Bot API answers, as far as python-telegram-bot does not cope with it: pages of a gateway in its place, and
an unreadable update among others.

python-telegram-bot reads a batch as a whole: an update that is newer than the library, or lacks a field, makes every
poll fail for ever, as the offset never moves past it.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import structlog
from telegram import Update
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

log = structlog.get_logger(__name__)


def readable(update: dict[str, Any]) -> dict[str, Any]:
    """The update, or where it cannot be read what is left of it: its number."""
    try:
        Update.de_json(dict(update), None)
    except Exception as error:
        # whatever it is, the next one must not wait for it
        log.warning("an update cannot be read and is left out", update=update["update_id"], error=repr(error))
        return {"update_id": update["update_id"]}
    return update


class BotRequest(HTTPXRequest):
    """Sends all calls. An answer that is no JSON, such as the page of a gateway before the Bot API, is one line."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Return status and body; in the place of a page, what the Bot API says of such a status."""
        code, payload = await super().do_request(*args, **kwargs)
        if code < HTTPStatus.MULTIPLE_CHOICES or _is_json(payload):
            return code, payload
        said = HTTPStatus(code).phrase if code in set(HTTPStatus) else f"status {code}"
        return code, json.dumps({"ok": False, "error_code": code, "description": said}).encode()

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        """Return the answer. Raises TelegramError; python-telegram-bot would log the whole page besides."""
        try:
            return json.loads(payload)
        except ValueError as error:
            raise TelegramError("the answer is no JSON") from error


def _is_json(payload: bytes) -> bool:
    try:
        json.loads(payload)
    except ValueError:
        return False
    return True


class UpdatesRequest(BotRequest):
    """For getUpdates alone."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        """The answer, with what cannot be read taken out of its updates."""
        answer = BotRequest.parse_json_payload(payload)
        if isinstance(answer.get("result"), list):
            answer["result"] = [readable(update) for update in answer["result"]]
        return answer
