"""Decides which words a model is given: the person's own, or a prompt that a language model made of them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.intake import captions
from unstill_bots.intake.captions import Caption
from unstill_bots.intake.pictures import SafePicture
from unstill_bots.intake.rewriter import PromptRewriter, is_rewritten
from unstill_bots.intake.wish import Wish
from unstill_bots.safety.checks import Safety
from unstill_config.catalog import Catalog
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.jobs import Job, Request
from unstill_queue.contract.options import EXACT
from unstill_queue.ledger.ledger import Record


class Prompts:
    """Has prompts written where words, chat and model allow it. The host's list of words holds for what is written."""

    def __init__(
        self, rewriter: PromptRewriter, catalog: Catalog, safety: Safety, preferences: PreferenceStore
    ) -> None:
        self._rewriter = rewriter
        self._catalog = catalog
        self._safety = safety
        self._preferences = preferences

    async def wish(
        self, job: Job, caption: Caption, rules: Preferences, pictures: Sequence[SafePicture], before: str = ""
    ) -> tuple[Job, Wish | None]:
        """Return the job, and what a language model is to be asked for it, or None. `rules` are what its chat has set;
        `before` is the prompt that was made of the same words before, which the job then has. Raises RedisError.
        """
        model = self._catalog.models[job.parameters.model]
        if caption.given.get(EXACT) or not is_rewritten(model):
            return job, None
        if before:
            return (job if self._safety.words.holds(before) else _with(job, before)), None
        if rules.exact or not self._rewriter.is_on:
            return job, None
        # a press of an older clip's button has that request's words, from before the person set this
        if EXACT not in caption.given and (await self._preferences.get(job.requester.person)).exact:
            return job, None
        first = pictures[0] if pictures else None
        wish = await self._rewriter.wish(job.parameters.prompt, model, len(pictures), first, job.requester)
        return job, wish

    async def fulfilled(self, job: Job, wish: Wish | None) -> Job:
        """Return a job with the prompt that is made of a wish; with the person's own words where none is."""
        prompt = await self._rewriter.prompt(wish, self._catalog, self._safety.words.holds) if wish else None
        return _with(job, prompt) if prompt else job


def kept(record: Record | None, request: Request, catalog: Catalog, model: str) -> str:
    """Return the prompt that was made for an older request, where a new one asks for the same words of the same model;
    else nothing. `model` is used where words name none.
    """
    job = record.job if record is not None and not record.forgotten else None
    if job is None or not job.own_words or bool(job.last_picture) != bool(request.last_source or request.last_stored):
        return ""
    try:
        caption = captions.parse(request.words, catalog, model)
    except OptionError:
        return ""
    same = (caption.prompt, caption.given.get("model", model)) == (job.own_words, job.parameters.model)
    return job.parameters.prompt if same else ""


def _with(job: Job, prompt: str) -> Job:
    own = job.parameters.prompt
    return job if prompt == own else replace(job, own_words=own, parameters=replace(job.parameters, prompt=prompt))
