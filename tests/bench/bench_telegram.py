"""How soon a clip is there on Telegram: one from an idle engine, and 1,000 photos from 100 chats in one moment.

`python -m tests.bench.bench_telegram`. Real processes: the Telegram bot, an engine with its child, Valkey. The render
of the burst is 8 frames of noise. The platform is a server on this machine that speaks the Bot API and counts as
Telegram does, with its flood limits on.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import Figure, at_least, at_most, plain, table
from tests.bench.one_clip import WORDS, medians, one_by_one
from tests.system.backlog import picture
from tests.system.telegram_burst import burst
from tests.system.telegram_house import CLIPS, ours, telegram_house

PHOTOS, PRIVATE, GROUPS = 1_000, 50, 50
WITHIN = 1_800.0


def quick() -> list[Figure]:
    """Measure how soon a short clip is there, and give the figures."""
    with TemporaryDirectory() as name, telegram_house(Path(name), UNSTILL_ENGINE__MODEL="camera") as telegram:
        ann, photo = telegram.api.person("Ann"), picture(1280, 960)
        chat = telegram.api.private(ann)
        seen = asyncio.run(
            one_by_one(
                telegram.house,
                lambda: ann.send_photo(chat, photo, WORDS),
                lambda: sum(shown.kind in CLIPS for shown in ours(chat.history())),
            )
        )
    times = medians(seen)
    return [
        at_most("telegram: photo to clip, idle engine, 12 frames, median", times.whole, "s", 1.3),
        plain("telegram: of it the render, median", times.render, "s"),
    ]


def run() -> list[Figure]:
    """Measure, print the table, and give the figures."""
    figures = [*quick(), *crowd()]
    print(table(figures))
    return figures


def crowd() -> list[Figure]:
    """Measure the burst, print what stood out of place, and give the figures."""
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
    print(*counted.strange[:10], sep="\n")
    return [
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


if __name__ == "__main__":
    run()
