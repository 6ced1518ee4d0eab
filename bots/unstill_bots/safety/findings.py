"""Checks, for `unstill doctor`, the host's list of words and what rates pictures and clips."""

from __future__ import annotations

import io

from PIL import Image

from unstill_bots.host.findings import Finding
from unstill_bots.safety.checks import needed_ffmpeg
from unstill_bots.safety.rater import SIDE
from unstill_bots.safety.rating import Rating, RatingUnavailable
from unstill_bots.safety.words import WordList
from unstill_bots.text.replies import Replies
from unstill_config.errors import ConfigError
from unstill_config.settings import Settings


async def safety_findings(settings: Settings, wording: Replies) -> list[Finding]:
    """Return a finding for each check that is on: whether the list can be read, and whether a picture is rated."""
    findings = []
    if (file := settings.safety.words) is not None:
        try:
            size = WordList.read(file).size
            taken = wording.ngettext("{count} entry in {file}", "{count} entries in {file}", size, file=file)
            findings.append(Finding("words", True, taken))
        except ConfigError as error:
            findings.append(_wrong("words", error))
    if settings.safety.rating:
        findings.append(await _rating(settings, wording))
    return findings


async def _rating(settings: Settings, wording: Replies) -> Finding:
    try:
        needed_ffmpeg(settings)
    except ConfigError as error:
        return _wrong("rating", error)
    out = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE)).save(out, "PNG")
    try:
        async with Rating() as rating:
            await rating.picture(out.getvalue())
    except RatingUnavailable as error:
        mend = wording.gettext("Install it anew, and see that the machine has 512 MB of memory for it.")
        return Finding("rating", False, str(error), mend)
    return Finding("rating", True, wording.gettext("pictures are rated"))


def _wrong(name: str, error: ConfigError) -> Finding:
    """Return the finding of an error whose last sentence says what to do."""
    text, _, mend = str(error).rpartition(". ")
    return Finding(name, False, f"{text}.", mend)
