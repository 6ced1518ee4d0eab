"""A burst on Telegram: 1,000 photos from 100 chats in one moment, with the platform's flood limits on.

`python -m tests.bench.bench_telegram`. Real processes: the Telegram bot, an engine with its child, Valkey; the render
is 8 frames of noise, the platform a server on this machine that speaks the Bot API and counts as Telegram does.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import Figure, at_least, at_most, plain, table
from tests.system.backlog import picture
from tests.system.telegram_burst import burst
from tests.system.telegram_house import telegram_house

PHOTOS, PRIVATE, GROUPS = 1_000, 50, 50
WITHIN = 1_800.0


def run() -> list[Figure]:
    """Measure, print the table, and give the figures."""
    with (
        TemporaryDirectory() as name,
        telegram_house(Path(name), JOURNAL_STEP_SECONDS="0", UNSTILL_BOTS__NOTIFY_AFTER="3600") as telegram,
    ):
        seen = asyncio.run(
            burst(
                telegram, photos=PHOTOS, private=PRIVATE, groups=GROUPS, within=WITHIN, picture=picture(1280, 960)
            )
        )  # fmt: skip
    counted = seen.counted
    figures = [
        at_least(f"burst: photos of {PHOTOS:,} with their one answer", counted.answers, "", PHOTOS),
        at_most("burst: messages of the bot that are no answer", counted.messages - counted.answers, "", 0),
        at_most("burst: messages out of place", len(counted.strange), "", 0),
        plain("burst: calls of the bot, but for updates and files", seen.calls, ""),
        plain("burst: of them refused with 429", seen.refused, ""),
        at_most("burst: share of them refused with 429", 100 * seen.refused / seen.calls, "%", 1),
        plain("burst: first photo to last clip", seen.seconds, "s"),
        plain("burst: memory of the bot at rest", seen.rest, "MiB"),
        at_most("burst: memory of the bot, most", seen.peak, "MiB", 256),
        plain("burst: memory of the processes that decode pictures, most", seen.children_peak, "MiB"),
    ]
    print(table(figures))
    print(*counted.strange[:10], sep="\n")
    return figures


if __name__ == "__main__":
    run()
