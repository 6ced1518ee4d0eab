"""The picture of a chat on Telegram: the real bot, queue and engine against the platform's double, as people see it.

Everything shown was taken from the double's visible history: the photo, what the bot's one message said one after the
other, the clip that it became, with its words and buttons; the reply to it, and the clip of the same photo by that.
"""

from __future__ import annotations

import asyncio
import tempfile
import textwrap
from importlib import resources
from pathlib import Path
from xml.sax.saxutils import escape

import msgspec
from PIL import Image
from tests.pictures.conversation import PHOTO, data_url, jpeg, strip
from tests.system.telegram_house import has_clips, ours, telegram_house
from wire_doubles.telegram.messages import Shown

WORDS = "slow zoom in, pan right --seconds 5"
MORE = "nice! now zoom out --seconds 5"
WIDTH, PICTURE = 640, 288
BUBBLE = PICTURE + 20
COLUMNS = 38
FRAMES, FRAME_SECONDS = 14, 5.0
QUALITY = 34
STAGE_SECONDS = 1.3
LEADING = 19
REPLY = 60
LOOK_EVERY = 0.02


class Chatted(msgspec.Struct, frozen=True):
    """`stages`: what the bot's message said before it became `clip`; `more` came of the reply to that. `sent` and the
    strips, of the frames of both clips, are JPEGs.
    """

    stages: tuple[Shown, ...]
    clip: Shown
    more: Shown
    sent: bytes
    strips: tuple[bytes, bytes]
    height: int


def draw() -> str:
    with tempfile.TemporaryDirectory(prefix="chat-") as name:
        return _svg(asyncio.run(_chat(Path(name))))


async def _chat(folder: Path) -> Chatted:
    photo = (resources.files("unstill_bots") / "terminal" / "samples" / PHOTO).read_bytes()
    with telegram_house(folder, UNSTILL_ENGINE__MODEL="camera") as telegram:
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)
        sent = ann.send_photo(chat, photo, WORDS)
        stages: list[Shown] = []
        while not (said := ours(chat.history())) or said[0].kind == "text":
            if said and (not stages or stages[-1] != said[0]):
                stages.append(said[0])
            await asyncio.sleep(LOOK_EVERY)
        assert len(chat.history()) == 2 and said[0].media and sent.media
        ann.send_text(chat, MORE, reply_to=said[0])
        _, more = [one for one in ours(await chat.until(has_clips(2))) if one.kind != "text"]
        files = [folder / "clip.mp4", folder / "more.mp4"]
        for file, one in zip(files, (said[0], more), strict=True):
            assert one.media is not None
            file.write_bytes(one.media.data)
        small = folder / "sent.jpg"
        small.write_bytes(sent.media.data)
        with Image.open(small) as picture:
            height = round(PICTURE * picture.height / picture.width)
            shown = jpeg(picture.convert("RGB").resize((PICTURE, height), Image.Resampling.LANCZOS), quality=65)
    first, second = (strip(file, PICTURE, height, FRAMES, FRAME_SECONDS, QUALITY) for file in files)
    return Chatted(tuple(stages), said[0], more, shown, (first, second), height)


def _svg(chat: Chatted) -> str:
    """Ann's photo and her reply to the right, the bot's messages to the left; the first one changes in its place."""
    right, left, top = WIDTH - PICTURE - 36, 36, 58
    below = top + chat.height + 62
    last = len(chat.stages)
    stages = [_status(stage, number, left, below) for number, stage in enumerate(chat.stages)]
    clip, under = _clip(chat.clip, chat.strips[0], "clip", left, below, chat.height)
    reply = _reply(chat.clip, right, under + 18)
    again = under + 18 + REPLY + 24
    more, end = _clip(chat.more, chat.strips[1], "more", left, again, chat.height)
    height = end + 16
    told = escape("; ".join(stage.text for stage in chat.stages))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, 'DejaVu Sans', sans-serif" role="img" aria-labelledby="title">
<title id="title">Ann sends a photo of a lake with the words “{escape(WORDS)}”. One message of the bot's says: {told}; then it is the clip. She replies “{escape(MORE)}”, and there is another clip of the same photo.</title>
<style>
text {{ font-size: 13.5px; fill: #1c2733 }}
.name {{ font-size: 15px; font-weight: 600; fill: #fff }}
.bot {{ fill: #fff }}
.ann {{ fill: #e3fcd0 }}
.button {{ fill: #fff; fill-opacity: .55 }}
.bar {{ fill: #4fa34a }}
.quoted {{ fill: #3d7f39; font-size: 12.5px }}
.label {{ text-anchor: middle; fill: #1f5d85 }}
.stage {{ opacity: 0 }}
@media (prefers-reduced-motion: no-preference) {{
  .stage {{ animation: there {STAGE_SECONDS}s calc({STAGE_SECONDS}s * (var(--n) + 0.6)) }}
  .end {{ animation: appear calc({STAGE_SECONDS}s * (var(--n) + 0.6)) steps(1, end) both }}
  .strip {{ animation: play {FRAME_SECONDS}s steps({FRAMES}, jump-none) infinite alternate }}
}}
@keyframes there {{ from, to {{ opacity: 1 }} }}
@keyframes appear {{ from {{ opacity: 0 }} to {{ opacity: 1 }} }}
@keyframes play {{ to {{ transform: translateY(-{chat.height * (FRAMES - 1)}px) }} }}
</style>
<clipPath id="photo"><rect x="{right}" y="{top}" width="{PICTURE}" height="{chat.height}" rx="8"/></clipPath>
<clipPath id="clip"><rect x="{left}" y="{below}" width="{PICTURE}" height="{chat.height}" rx="8"/></clipPath>
<clipPath id="more"><rect x="{left}" y="{again}" width="{PICTURE}" height="{chat.height}" rx="8"/></clipPath>
<rect width="{WIDTH}" height="{height}" rx="12" fill="#b9d3e4"/>
<path d="M0 38 V12 Q0 0 12 0 H{WIDTH - 12} Q{WIDTH} 0 {WIDTH} 12 V38 Z" fill="#517da2"/>
<text class="name" x="18" y="25">{escape(chat.clip.sender)}</text>
<rect class="ann" x="{right - 10}" y="{top - 10}" width="{BUBBLE}" height="{chat.height + 48}" rx="14"/>
<image x="{right}" y="{top}" width="{PICTURE}" height="{chat.height}" clip-path="url(#photo)" href="{data_url(chat.sent)}"/>
<text x="{right}" y="{top + chat.height + 24}">{escape(WORDS)}</text>
{"".join(stages)}
<g class="end" style="--n:{last}">{clip}</g>
<g class="end" style="--n:{last + 1}">{reply}</g>
<g class="end" style="--n:{last + 2}">{more}</g>
</svg>
"""  # noqa: E501


def _clip(shown: Shown, frames: bytes, path: str, x: int, y: int, height: int) -> tuple[str, int]:
    """A clip with its words and buttons, and where they end. `path`: the id of the clip path that shows one frame."""
    caption = _lines(shown.text, COLUMNS)
    deep = height + 32 + LEADING * len(caption)
    rows = [_row(row, x - 10, y + deep + 4 + 36 * number) for number, row in enumerate(shown.buttons)]
    drawn = (
        f'<rect class="bot" x="{x - 10}" y="{y - 10}" width="{BUBBLE}" height="{deep}" rx="14"/>'
        f'<g clip-path="url(#{path})"><image class="strip" x="{x}" y="{y}" width="{PICTURE}" '
        f'height="{height * FRAMES}" href="{data_url(frames)}"/></g>'
        f"{_text(caption, x, y + height + 26)}{''.join(rows)}"
    )
    return drawn, y + deep + 36 * len(rows)


def _reply(clip: Shown, x: int, y: int) -> str:
    """Ann's words, with what they reply to above them."""
    quoted = escape(f"{clip.sender}: {clip.text.splitlines()[0]}")
    return (
        f'<rect class="ann" x="{x - 10}" y="{y}" width="{BUBBLE}" height="{REPLY}" rx="14"/>'
        f'<rect class="bar" x="{x}" y="{y + 10}" width="3" height="18"/>'
        f'<text class="quoted" x="{x + 10}" y="{y + 23}">{quoted}</text>'
        f'<text x="{x}" y="{y + 46}">{escape(MORE)}</text>'
    )


def _status(shown: Shown, number: int, x: int, y: int) -> str:
    lines = _lines(shown.text, COLUMNS)
    deep = 20 + LEADING * len(lines)
    rows = "".join(_row(row, x - 10, y + deep - 6 + 36 * n) for n, row in enumerate(shown.buttons))
    return (
        f'<g class="stage" style="--n:{number}"><rect class="bot" x="{x - 10}" y="{y - 10}" width="{BUBBLE}" '
        f'height="{deep}" rx="14"/>{_text(lines, x, y + 13)}{rows}</g>'
    )


def _row(labels: tuple[str, ...], x: int, y: int) -> str:
    width = (BUBBLE - 6 * (len(labels) - 1)) / len(labels)
    return "".join(
        f'<rect class="button" x="{x + n * (width + 6):.1f}" y="{y}" width="{width:.1f}" height="30" rx="8"/>'
        f'<text class="label" x="{x + n * (width + 6) + width / 2:.1f}" y="{y + 20}">{escape(label)}</text>'
        for n, label in enumerate(labels)
    )


def _lines(text: str, columns: int) -> list[str]:
    return [line for paragraph in text.split("\n") for line in textwrap.wrap(paragraph, columns) or [""]]


def _text(lines: list[str], x: int, y: int) -> str:
    return "".join(f'<text x="{x}" y="{y + LEADING * n}">{escape(line)}</text>' for n, line in enumerate(lines))
