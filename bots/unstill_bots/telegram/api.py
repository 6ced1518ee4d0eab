"""The connection to the Bot API."""

from __future__ import annotations

import os

from telegram import Bot

from unstill_bots.telegram.wire import BotRequest, UpdatesRequest
from unstill_config.platforms import Telegram

CONNECT_WITHIN = 5.0
ANSWER_WITHIN = 20.0
MEDIA_WITHIN = 120.0
"""Seconds for an upload to be answered: a call that times out earlier has often arrived."""
POLL_SECONDS = 25
CONNECTIONS = 64
LOCAL_UPLOAD_LIMIT = 2_000_000_000
"""Bytes, through a Bot API server of one's own (its README)."""


def open_bot(settings: Telegram) -> Bot:
    """Not initialised yet: nothing is sent."""
    # python-telegram-bot 22.2 warns on every use of retry_after unless this is set
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    if settings.token is None:
        raise ValueError("telegram.token is not set")
    return Bot(
        settings.token.get_secret_value(),
        base_url=f"{settings.api_url}/bot",
        base_file_url=f"{settings.api_url}/file/bot",
        request=_request(ANSWER_WITHIN, CONNECTIONS),
        get_updates_request=_request(POLL_SECONDS + 10, 2, UpdatesRequest),
        local_mode=settings.local_mode,
    )


def _request(read_timeout: float, connections: int, kind: type[BotRequest] = BotRequest) -> BotRequest:
    return kind(
        connection_pool_size=connections,
        connect_timeout=CONNECT_WITHIN,
        read_timeout=read_timeout,
        write_timeout=ANSWER_WITHIN,
        media_write_timeout=MEDIA_WITHIN,
        pool_timeout=10.0,
    )
