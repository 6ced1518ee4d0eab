"""Checks, for `unstill doctor`, the endpoint whose language model writes prompts."""

from __future__ import annotations

import asyncio
import io
import time

from PIL import Image

from unstill_bots.host.findings import Finding
from unstill_bots.intake.rewriter import REJECTED, EndpointFailed, PromptRewriter, is_rewritten
from unstill_bots.intake.rewritten import Unusable
from unstill_bots.intake.wish import SIDE_MOST, Wish, small
from unstill_bots.text.replies import Replies
from unstill_config.settings import Settings

WORDS = "waves"
"""The wish that is asked, as few words as people write."""
COLOUR = "teal"
"""The colour of the picture that is shown to an endpoint which is to see pictures."""


async def prompt_findings(settings: Settings, wording: Replies) -> list[Finding]:
    """Return what a wish is answered with, where a host has set an endpoint; else nothing."""
    own, catalog = settings.prompt, settings.load_catalog()
    model = next((model for model in catalog.models.values() if is_rewritten(model)), None)
    if not own.is_on or model is None:
        return []
    # a model that sees none refuses whatever comes with one
    photo = small(_picture()) if own.sees else b""
    began, until = time.monotonic(), asyncio.get_running_loop().time() + own.seconds
    try:
        prompt = await PromptRewriter(own).ask(Wish(WORDS, model, 1 if photo else 0, until, photo), catalog)
    except EndpointFailed as error:
        told = wording.gettext("{model} does not answer: {why}.", model=own.model or "", why=str(error))
        return [Finding("prompt", False, told, _settings(wording))]
    except Unusable as error:
        told = wording.gettext("{model} writes no prompt: {why}.", model=own.model or "", why=error.reason)
        other = wording.gettext("Choose another model that follows instructions.")
        return [Finding("prompt", False, told, _settings(wording) if error.reason == REJECTED else other)]
    seconds = round(time.monotonic() - began, 1)
    told = wording.gettext("{model} makes of “{words}” in {seconds} s: “{prompt}”",
                           model=own.model or "", words=WORDS, seconds=seconds, prompt=prompt)  # fmt: skip
    return [Finding("prompt", True, told)]


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (SIDE_MOST, SIDE_MOST), COLOUR).save(out, "PNG")
    return out.getvalue()


def _settings(wording: Replies) -> str:
    return wording.gettext(
        "Check UNSTILL_PROMPT__URL, UNSTILL_PROMPT__MODEL, UNSTILL_PROMPT__KEY and UNSTILL_PROMPT__SEES."
    )
