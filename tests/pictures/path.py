"""The picture of the path: from a photo and words to the one reply."""

from __future__ import annotations

from xml.sax.saxutils import escape

import msgspec

WIDTH, HEIGHT = 960, 452
ZONES = (
    ("bots", "the people side", 0, "#fff4e5", "#e0a458"),
    ("queue", "one Redis or Valkey; storage", 330, "#e8f1fd", "#6c9bd9"),
    ("engine", "one process a device", 660, "#e9f7ec", "#6bb37a"),
)
ZONE_WIDTH = 300
BOX_WIDTH, BOX_HEIGHT = 260, 92
COLUMNS = (20, 350, 680)
ROWS = (62, 192, 322)


class Box(msgspec.Struct, frozen=True):
    """`column` and `row` count from 0; `number` is the step, 0 for none."""

    column: int
    row: int
    number: int
    title: str
    lines: tuple[str, ...]

    @property
    def x(self) -> int:
        return COLUMNS[self.column]

    @property
    def y(self) -> int:
        return ROWS[self.row]

    def draw(self) -> str:
        colour = ZONES[self.column][4]
        dashes = "" if self.number else ' stroke-dasharray="5 4"'
        parts = [
            f'<rect x="{self.x}" y="{self.y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="9" fill="#fff" '
            f'stroke="{colour}" stroke-width="1.5"{dashes}/>'
        ]
        left = self.x + 14
        if self.number:
            parts.append(f'<circle cx="{self.x + 24}" cy="{self.y + 23}" r="11" fill="{colour}"/>')
            parts.append(f'<text class="number" x="{self.x + 24}" y="{self.y + 27.5}">{self.number}</text>')
            left = self.x + 43
        parts.append(f'<text class="title" x="{left}" y="{self.y + 28}">{escape(self.title)}</text>')
        for number, line in enumerate(self.lines):
            parts.append(f'<text class="line" x="{self.x + 14}" y="{self.y + 52 + 18 * number}">{escape(line)}</text>')
        return "".join(parts)


BOXES = (
    Box(0, 0, 1, "A photo and a few words", ("a front end hands them over", "with who asked, and where")),
    Box(1, 0, 2, "Inbox: ledger.accept", ("written down and synced to disk;", "from here on it will be answered")),
    Box(0, 1, 3, "Intake pipeline", ("reads the words, makes the photo", "safe, or answers at once")),
    Box(1, 1, 4, "Queue: ledger.queue", ("fair between chats, then between", "people; arq runs the engines' loop")),
    Box(2, 1, 5, "Child process", ("renders frame by frame; the worker", "keeps a lease on the job")),
    Box(2, 2, 6, "Clip", ("encoded by ffmpeg, fitted under", "the limit, marked with its recipe")),
    Box(1, 2, 7, "Outcome: ledger.finish", ("the clip is in storage, or one", "sentence says why there is none")),
    Box(0, 2, 8, "Courier: one reply", ("shows the outcome, once, where", "it was asked for")),
    Box(2, 0, 0, "Reaper", ("looks at what is due: whatever was", "killed, the job goes on")),
)

ARROWS = (
    ("M280 96 H346", "solid"),
    ("M350 140 L350 140 C 320 166 300 172 284 204", "solid"),
    ("M280 238 H346", "solid"),
    ("M610 238 H676", "solid"),
    ("M810 284 V318", "solid"),
    ("M680 368 H614", "solid"),
    ("M350 368 H284", "solid"),
    ("M680 108 C 645 118 625 150 596 188", "dashed"),
)


def draw() -> str:
    zones = "".join(
        f'<rect x="{x}" y="0.5" width="{ZONE_WIDTH}" height="{HEIGHT - 1}" rx="12" fill="{fill}"/>'
        f'<text class="zone" x="{x + 20}" y="32" fill="#24292f">{name}<tspan class="what" dx="10">{what}</tspan></text>'
        for name, what, x, fill, _ in ZONES
    )
    arrows = "".join(f'<path class="{kind}" d="{line}" marker-end="url(#tip)"/>' for line, kind in ARROWS)
    boxes = "".join(box.draw() for box in BOXES)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, 'DejaVu Sans', sans-serif" role="img" aria-labelledby="title">
<title id="title">The path: photo and words, inbox, intake pipeline, queue, child process, clip, outcome, courier, one reply.</title>
<style>
.zone {{ font-size: 17px; font-weight: 600 }}
.what {{ font-size: 12.5px; font-weight: 400; fill: #57606a }}
.title {{ font-size: 15px; font-weight: 600; fill: #1f2328 }}
.line {{ font-size: 13px; fill: #424a53 }}
.number {{ font-size: 12.5px; font-weight: 700; fill: #fff; text-anchor: middle }}
.solid, .dashed {{ fill: none; stroke: #57606a; stroke-width: 1.8 }}
.dashed {{ stroke-dasharray: 5 4 }}
</style>
<marker id="tip" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0 L10 5 L0 10 z" fill="#57606a"/></marker>
{zones}
{boxes}
{arrows}
</svg>
"""  # noqa: E501
