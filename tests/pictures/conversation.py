"""The picture of a conversation: a real run of `unstill animate`, the photo it was given, and the clip it made."""

from __future__ import annotations

import base64
import io
import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path
from xml.sax.saxutils import escape

import imageio_ffmpeg
from PIL import Image
from tests.pictures.recording import COLUMNS, Line, Recording, Run, record

PHOTO, CLIP = "lake.jpg", "lake.mp4"
FIRST = ("animate", PHOTO, "slow zoom in, pan right", "--seed", "7", "--out", CLIP)
SECOND = ("animate", PHOTO, "zoom out", "--secnds", "5")
THIRD = ("recipe", CLIP)

WIDTH, HEIGHT = 960, 502
TERMINAL = 612
SIDE = 328
FRAMES, FRAME_SECONDS = 24, 3.0
FONT_SIZE, CHARACTER, LEADING = 12.5, 7.5, 22
STAGE_SECONDS = 1.1


def draw() -> str:
    with tempfile.TemporaryDirectory(prefix="photos-") as name:
        folder = Path(name)
        sample = resources.files("unstill_bots") / "terminal" / "samples" / PHOTO
        (folder / PHOTO).write_bytes(sample.read_bytes())
        state = folder / ".unstill"
        environ = {
            "UNSTILL_REDIS__DATA": str(state / "valkey"),
            "UNSTILL_STORAGE__URL": (state / "storage").as_uri(),
            "UNSTILL_ENGINE__STATE": str(state / "engine"),
        }
        first, second, third = (record(words, folder, environ) for words in (FIRST, SECOND, THIRD))
        with Image.open(folder / PHOTO) as photo:
            height = round(SIDE * photo.height / photo.width)
            sent = jpeg(photo.convert("RGB").resize((SIDE, height), Image.Resampling.LANCZOS), quality=70)
        frames = strip(folder / CLIP, SIDE, height, FRAMES, FRAME_SECONDS, 50)
        shutil.rmtree(state, ignore_errors=True)
    return _svg(first, second, third, sent, frames, height)


def strip(clip: Path, width: int, height: int, frames: int, seconds: float, quality: int) -> bytes:
    """So many frames of the clip's seconds, one below the other, as a JPEG."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", f"file:{clip}"]
    command += ["-vf", f"fps={frames / seconds},scale={width}:{height}:flags=lanczos", "-frames:v", str(frames)]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"], capture_output=True, check=True)
    return jpeg(Image.frombytes("RGB", (width, height * frames), raw.stdout), quality=quality)


def jpeg(image: Image.Image, *, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
    return out.getvalue()


def _svg(first: Recording, second: Recording, third: Recording, sent: bytes, frames: bytes, height: int) -> str:
    left, below = TERMINAL + 20, height + 34
    last = len(first.bar) - 1
    lines: list[str] = []
    y = 60
    lines.append(_row(_typed(FIRST), y))
    y += LEADING
    for number, look in enumerate(first.bar):
        name = "stage" if number < last else "end"
        lines.append(f'<g class="{name}" style="--n:{number}">{_row(look, y)}</g>')
    rows = [*first.rest]
    for words, told in ((SECOND, second), (THIRD, third)):
        rows += [(), _typed(words), *told.bar, *told.rest]
    after = []
    for row in _wrapped(rows):
        y += LEADING
        after.append(_row(row, y))
    lines.append(f'<g class="end" style="--n:{last}">{"".join(after)}</g>')
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" role="img" aria-labelledby="title">
<title id="title">A photo of a lake goes into unstill animate with the words “{FIRST[2]}”; a clip of three seconds comes out.</title>
<style>
.mono {{ font: {FONT_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre }}
.label {{ font-size: 13px; fill: #59636e }}
@media (prefers-color-scheme: dark) {{ .label {{ fill: #9198a1 }} }}
.stage {{ opacity: 0 }}
@media (prefers-reduced-motion: no-preference) {{
  .stage {{ animation: there {STAGE_SECONDS}s calc({STAGE_SECONDS}s * (var(--n) + 0.5)) }}
  .end {{ animation: appear calc({STAGE_SECONDS}s * (var(--n) + 0.5)) steps(1, end) both }}
  .clip {{ animation: play {FRAME_SECONDS}s steps({FRAMES}, jump-none) infinite alternate }}
}}
@keyframes there {{ from, to {{ opacity: 1 }} }}
@keyframes appear {{ from {{ opacity: 0 }} to {{ opacity: 1 }} }}
@keyframes play {{ to {{ transform: translateY(-{height * (FRAMES - 1)}px) }} }}
</style>
<clipPath id="photo"><rect x="{left}" y="26" width="{SIDE}" height="{height}" rx="8"/></clipPath>
<clipPath id="frame"><rect x="{left}" y="{below + 26}" width="{SIDE}" height="{height}" rx="8"/></clipPath>
<rect y="2" width="{TERMINAL}" height="{HEIGHT - 4}" rx="10" fill="#0d1117" stroke="#30363d"/>
<g fill="#3d444d"><circle cx="20" cy="22" r="5.5"/><circle cx="38" cy="22" r="5.5"/><circle cx="56" cy="22" r="5.5"/></g>
<g class="mono" fill="#e6edf3">
{chr(10).join(lines)}
</g>
<text class="label" x="{left}" y="16">{PHOTO}: what went in</text>
<image x="{left}" y="26" width="{SIDE}" height="{height}" clip-path="url(#photo)" href="{data_url(sent)}"/>
<text class="label" x="{left}" y="{below + 16}">{CLIP}: what came out</text>
<g clip-path="url(#frame)"><image class="clip" x="{left}" y="{below + 26}" width="{SIDE}" height="{height * FRAMES}" href="{data_url(frames)}"/></g>
</svg>
"""  # noqa: E501


def _typed(words: tuple[str, ...]) -> Line:
    shown = " ".join(f'"{word}"' if " " in word else word for word in words)
    return Run("$ ", "#7ee787"), Run(f"unstill {shown}", "#ffffff")


def _wrapped(rows: list[Line]) -> list[Line]:
    """Long lines as a terminal breaks them."""
    broken: list[Line] = []
    for row in rows:
        text = "".join(run.text for run in row)
        if len(text) <= COLUMNS:
            broken.append(row)
        else:
            broken += [(Run(text[at : at + COLUMNS], None),) for at in range(0, len(text), COLUMNS)]
    return broken


def _row(line: Line, y: int) -> str:
    """Each run gets its place and length, so that the columns hold in any font."""
    drawn, column = [], 0
    for run in line:
        if run.text.strip():
            fill = f' fill="{run.colour}"' if run.colour else ""
            x, length = 18 + column * CHARACTER, len(run.text) * CHARACTER
            text = escape(run.text)
            drawn.append(
                f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}" xml:space="preserve"{fill}>{text}</text>'
            )
        column += len(run.text)
    return "".join(drawn)


def data_url(data: bytes) -> str:
    """Of a JPEG."""
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
