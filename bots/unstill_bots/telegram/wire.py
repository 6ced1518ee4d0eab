"""Updates as they come, one unreadable one among them or not.

python-telegram-bot reads a batch as a whole: an update that is newer than the library, or lacks a field, makes every
poll fail for ever, as the offset never moves past it.
"""

from __future__ import annotations

from typing import Any

import structlog
from telegram import Update
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


class UpdatesRequest(HTTPXRequest):
    """For getUpdates alone."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        """The answer, with what cannot be read taken out of its updates."""
        answer = HTTPXRequest.parse_json_payload(payload)
        if isinstance(answer.get("result"), list):
            answer["result"] = [readable(update) for update in answer["result"]]
        return answer
