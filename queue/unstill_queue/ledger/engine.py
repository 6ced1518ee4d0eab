"""Transitions by which engines take jobs and file what came of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from typing import Literal

import structlog

from unstill_queue.contract.abilities import KINDS, codec, needs
from unstill_queue.contract.codec import decode, encode
from unstill_queue.contract.errors import CodecError, NewerVersion
from unstill_queue.contract.jobs import Cancelled, Failed, Job, Outcome, Progress, Succeeded
from unstill_queue.ledger.outcomes import INTAKE_FAILED, engine_lost
from unstill_queue.ledger.records import REFIT_LANE, Claim, files_of
from unstill_queue.ledger.script import Script, report

log = structlog.get_logger(__name__)


class EngineSide(Script):
    """Gives jobs to engines, and files what came of them."""

    async def claim(
        self,
        lane: str,
        owner: str,
        engine: str,
        can: Set[str] | None = None,
        *,
        word: str = "",
        others: Sequence[str] = (),
    ) -> Claim | None:
        """Take the job whose turn it is. `owner` is a token used for this one claim, `word` what told of work.

        `others` are lanes from which a job is given where none waits before them, in their order.
        `can` has the words of `abilities`: a job that needs others, or is of a newer version, is parked for an engine
        that has them. None: the engine takes any job of this version. A job that no version can decode is answered, as
        it would end every engine that takes it.
        """
        words = sorted(KINDS if can is None else can)
        while True:
            bad, *taken = await self._run("claim", "\n".join((lane, *others)), owner, engine, word, *words)
            report(bad)
            if not taken:
                return None
            id, job, attempt, made = taken
            try:
                claim = Claim(decode(job, Job), owner, int(attempt), decode(made, Succeeded) if made else None)
            except NewerVersion as error:
                await self._park(id, owner, {codec(error.version)})
                continue
            except CodecError as error:
                log.error("a job cannot be read and is answered so", job=id.decode(), error=str(error))
                await self._run("finish", id, owner, "failed", encode(INTAKE_FAILED), "0", "")
                continue
            lacks = frozenset() if can is None else needs(claim.job, rendered=lane == REFIT_LANE) - can
            if not lacks:
                return claim
            await self._park(id, owner, lacks)

    async def _park(self, id: bytes, owner: str, lacks: Set[str]) -> None:
        log.warning("a job needs what this engine lacks and waits for one that has it", job=id.decode(), lacks=[*lacks])
        await self._run("park", id, owner, " ".join(sorted(lacks)))

    async def beat(
        self, claim: Claim, progress: Progress | None = None, look: bytes = b""
    ) -> Literal["ok", "cancel", "lost"]:
        """Renew the lease and tell progress. 'cancel': nobody wants the job any more. 'lost': it is another's.

        `look` is an early look at the clip, a JPEG of some kilobytes, which is kept as long as the job runs.
        """
        body = encode(progress) if progress else b""
        reply = await self._run("beat", claim.job.id, claim.owner, body, look)
        answer: Literal["ok", "cancel", "lost", "unreadable"] = reply[0].decode()
        return "lost" if answer == "unreadable" else answer

    async def begin(self, claim: Claim) -> None:
        """Report that the job's model is loaded: until now nothing was rendered of it."""
        await self._run("begin", claim.job.id, claim.owner)

    async def clip(self, claim: Claim, *keys: str) -> Literal["ok", "cancel", "lost"]:
        """Put the keys of files on record, before they are stored; nothing may be stored unless the answer is 'ok'."""
        reply = await self._run("clip", claim.job.id, claim.owner, " ".join(keys))
        answer: Literal["ok", "cancel", "lost", "unreadable"] = reply[0].decode()
        return "lost" if answer == "unreadable" else answer

    async def finish(self, claim: Claim, outcome: Outcome, *, seconds: float = 0.0) -> bool:
        """File the outcome; return False if the job is another's now. `seconds` is what the render took."""
        clips = " ".join(files_of(outcome))
        reply = await self._run(
            "finish", claim.job.id, claim.owner, _result(outcome), encode(outcome), repr(seconds), clips
        )
        return bool(reply[0] == b"ok")

    async def release(self, claim: Claim) -> bool:
        """Hand the job back at the head of its line, without costing a try. False: it is another's, or has ended."""
        reply = await self._run("release", claim.job.id, claim.owner)
        return bool(reply[0] == b"ok")

    async def retry(self, claim: Claim, failure: Failed | None = None) -> bool:
        """Report that the try failed through no fault of the job; return whether it is tried again.

        After the last try it is answered by `failure`; None: that its engine was lost.
        """
        attempts = self.settings.attempts
        answer = encode(failure or engine_lost(attempts))
        reply = await self._run("retry", claim.job.id, claim.owner, attempts, answer)
        return bool(reply[0] == b"again")

    async def engine(
        self, name: str, lane: str, info: bytes, can: Collection[str] = (), *, others: Sequence[str] = ()
    ) -> None:
        """Tell that an engine is alive, and serves `lane` and `others` and nothing else.

        `info` is an encoded EngineInfo, and `can` has the words of `abilities`. Where work waits for it and there is no
        word of that, engines hear of it again.
        """
        await self._run("engine", name, "\n".join((lane, *others)), info, REFIT_LANE, *sorted(can))

    async def changes_over(self, name: str, turn: float, before: Mapping[str, float]) -> None:
        """Tell how many seconds an engine of several models needs before it can begin in each lane; 0: it is loaded.

        It stays with a model for `turn` seconds while another's work waits.
        """
        told = [each for lane, seconds in before.items() for each in (lane, repr(seconds))]
        await self._run("changes_over", name, repr(turn), *told)

    async def engine_comes(self, lanes: Sequence[str]) -> None:
        """Tell that an engine is about to serve `lanes`, once its model is loaded."""
        await self._run("engine_comes", *lanes)

    async def engine_gone(self, name: str, lane: str, *, others: Sequence[str] = ()) -> None:
        """Tell that an engine has ended."""
        await self._run("engine_gone", name, "\n".join((lane, *others)), REFIT_LANE)


def _result(outcome: Outcome) -> str:
    match outcome:
        case Succeeded():
            return "done"
        case Failed():
            return "failed"
        case Cancelled():
            return "cancelled"
