"""Telegram's bot where a chat takes five messages a second instead of one, for tests that are not about that limit."""

from __future__ import annotations

import sys

import msgspec

from unstill_bots.service import main
from unstill_bots.telegram import send_limit

HURRY = 5.0

if __name__ == "__main__":
    send_limit.RATE = msgspec.structs.replace(send_limit.RATE, chat=send_limit.RATE.chat / HURRY)
    sys.exit(main())
