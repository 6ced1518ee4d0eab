"""Checks, for `unstill doctor`, the endpoint whose language model writes prompts."""

from __future__ import annotations

import asyncio
import time

from unstill_bots.host.findings import Finding
from unstill_bots.intake.rewriter import EndpointFailed, PromptRewriter, is_rewritten
from unstill_bots.intake.rewritten import Unusable
from unstill_bots.intake.wish import Wish
from unstill_bots.text.replies import Replies
from unstill_config.settings import Settings

WORDS = "waves"
"""The wish that is asked, as few words as people write."""


async def prompt_findings(settings: Settings, wording: Replies) -> list[Finding]:
    """Return what a wish is answered with, where a host has set an endpoint; else nothing."""
    own, catalog = settings.prompt, settings.load_catalog()
    model = next((model for model in catalog.models.values() if is_rewritten(model)), None)
    if not own.is_on or model is None:
        return []
    began, until = time.monotonic(), asyncio.get_running_loop().time() + own.seconds
    try:
        prompt = await PromptRewriter(own).ask(Wish(WORDS, model, 0, until), catalog)
    except EndpointFailed as error:
        told = wording.gettext("{model} does not answer: {why}.", model=own.model or "", why=str(error))
        mend = wording.gettext("Check UNSTILL_PROMPT__URL, UNSTILL_PROMPT__MODEL and UNSTILL_PROMPT__KEY.")
        return [Finding("prompt", False, told, mend)]
    except Unusable as error:
        told = wording.gettext("{model} writes no prompt: {why}.", model=own.model or "", why=error.reason)
        return [Finding("prompt", False, told, wording.gettext("Choose another model that follows instructions."))]
    seconds = f"{time.monotonic() - began:.1f}"
    told = wording.gettext("{model} makes of “{words}” in {seconds} s: “{prompt}”",
                           model=own.model or "", words=WORDS, seconds=seconds, prompt=prompt)  # fmt: skip
    return [Finding("prompt", True, told)]
