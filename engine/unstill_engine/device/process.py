"""The GPU as the worker sees it: one child that holds the model between jobs, and is replaced when it must be."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from unstill_config.catalog import Model
from unstill_engine.device.child_process import ChildGone, ChildHandle
from unstill_engine.device.messages import (
    LOOK_MOST,
    Cancel,
    Failed,
    Finished,
    Interrupted,
    Load,
    Looked,
    Planned,
    Poisoned,
    Render,
    Stepped,
    beside,
)
from unstill_engine.device.outcomes import (
    ChildDied,
    ChildHung,
    DevicePoisoned,
    Rendered,
    RenderFailed,
    RenderOutcome,
    RenderStopped,
)
from unstill_engine.device.supervisor import Supervisor
from unstill_engine.renderers.base import Photos, Plan
from unstill_queue.contract.jobs import Parameters


class _Run:
    """One call of `plan_and_render`. `clock` is what it may still take; `child` is None until it was sent to one."""

    def __init__(
        self,
        number: int,
        deadline: Callable[[Plan], float],
        on_progress: Callable[[int, int], None],
        on_look: Callable[[bytes], None] | None,
    ) -> None:
        self.number = number
        self.deadline = deadline
        self.on_progress = on_progress
        self.on_look = on_look
        self.cancelled = False
        self.clock: asyncio.Timeout | None = None
        self.child: ChildHandle | None = None

    def allow(self, seconds: float) -> None:
        if self.clock is not None:
            with suppress(RuntimeError):  # its time was up in this very moment
                self.clock.reschedule(asyncio.get_running_loop().time() + seconds)


class EngineProcess:
    """One renderer on one device, in a process of its own.

    `state` is the folder of the device locks. Of `environ` the child sees what a model's process
    needs, and what `variables` names; no setting of ours. `queue` is where the queue is that is
    served. Times in seconds: `lock_timeout` to get the device from another process, `load_deadline`
    to load the model, `plan_deadline` to plan a job, `grace` between a cancel and the kill of a
    child that does not obey it.
    """

    def __init__(
        self,
        *,
        model_name: str,
        model: Model,
        device: str,
        state: Path,
        log: FilteringBoundLogger,
        environ: Mapping[str, str] | None = None,
        variables: Sequence[str] = (),
        queue: str = "",
        lock_timeout: float = 30.0,
        load_deadline: float = 900.0,
        plan_deadline: float = 60.0,
        grace: float = 5.0,
    ) -> None:
        self._log = log.bind(model=model_name, device=device)
        self._supervisor = Supervisor(
            Load(model_name, model.model_dump_json(), device, str(state.expanduser()), lock_timeout, queue),
            os.environ if environ is None else environ,
            self._log,
            load_deadline=load_deadline,
            variables=variables,
        )
        self._plan_deadline = plan_deadline
        self._grace = grace
        self._numbers = itertools.count()
        self._runs: dict[str, _Run] = {}
        self._tasks: set[asyncio.Task[RenderOutcome]] = set()
        self._device = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The loaded child's; None while there is none."""
        child = self._supervisor.loaded_child
        return child.pid if child else None

    async def start(self) -> None:
        """Spawn the child and load the model.

        Raises:
            EngineError: the model cannot be loaded, or another process holds the device.
        """
        await self._supervisor.start()

    async def ready(self) -> None:
        """Wait until a child is loaded. Who takes a job only after this spends no attempt on a device that is away.

        Raises:
            EngineError: not started, or stopped.
        """
        await self._supervisor.ready()

    async def loaded(self) -> None:
        """Wait for the child that is loaded, or being loaded.

        Raises:
            EngineError: it could not be loaded; another one follows. Or not started, or stopped.
        """
        await self._supervisor.child()

    async def plan_and_render(
        self,
        job: str,
        parameters: Parameters,
        photos: Photos,
        spool: Path,
        *,
        deadline: Callable[[Plan], float],
        on_progress: Callable[[int, int], None],
        on_look: Callable[[bytes], None] | None = None,
        frame: tuple[int, int] | None = None,
    ) -> RenderOutcome:
        """Render one job's frames to the file `spool`; one job at a time, others wait here. `frame` as in `Render`.

        `deadline` says how many seconds a plan may take, `on_progress` gets steps done and steps
        in all, `on_look` an early look, where the renderer has one; without it none is asked for.
        Cancelling the task that awaits this cancels the job.

        Raises:
            EngineError: there was no child, and the next one could not be loaded either.
            ValueError: that job is being rendered already.
        """
        former = self._runs.get(job)
        if former is not None and not former.cancelled:
            raise ValueError(f"{job} is being rendered already")
        run = self._runs[job] = _Run(next(self._numbers), deadline, on_progress, on_look)
        command = Render.of(run.number, parameters, photos, spool, frame, look=on_look is not None)
        task = asyncio.create_task(self._run(run, command))
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._forget(job, run, task))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._cancel(run)
            raise

    def cancel(self, job: str) -> None:
        """Have it end as `RenderStopped`: at its next step or, after `grace`, with its child. Unknown jobs are none."""
        run = self._runs.get(job)
        if run is not None:
            self._cancel(run)

    async def stop(self) -> None:
        """Cancel what runs and end the child: of itself within `grace`, else by a kill."""
        for run in self._runs.values():
            self._cancel(run)
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._supervisor.stop(self._grace)

    def _cancel(self, run: _Run) -> None:
        if run.cancelled:
            return
        run.cancelled = True
        if run.child is None:
            run.allow(0)
        else:
            run.child.send(Cancel(run.number))
            run.allow(self._grace)

    def _forget(self, job: str, run: _Run, task: asyncio.Task[RenderOutcome]) -> None:
        if self._runs.get(job) is run:
            del self._runs[job]
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may have gone, and then nobody else would look

    async def _run(self, run: _Run, command: Render) -> RenderOutcome:
        outcome: RenderOutcome = RenderStopped()
        if run.cancelled:
            return outcome
        try:
            async with asyncio.timeout(None) as run.clock, self._device:
                outcome = await self._render(run, command)
        except asyncio.CancelledError:
            if run.child is not None:
                run.child.kill()
            raise
        except TimeoutError:
            if run.clock is None or not run.clock.expired():
                raise
            if run.child is not None:
                await run.child.kill_hung()
                await run.child.gone()
                outcome = ChildHung("it was past the job's deadline, and was killed", run.child.stderr_tail)
        return RenderStopped() if run.cancelled else outcome

    async def _render(self, run: _Run, command: Render) -> RenderOutcome:
        """On the child, which is retired where it does not come back from this job with its device sound."""
        child = await self._supervisor.child()
        if run.cancelled:
            return RenderStopped()
        run.child = child
        sound = False
        try:
            run.allow(self._plan_deadline)
            child.send(command)
            outcome = await self._follow(run, child, Path(command.spool))
            sound = not isinstance(outcome, DevicePoisoned)
        except ChildGone as gone:
            return ChildDied(str(gone), child.stderr_tail)
        except asyncio.CancelledError:
            raise  # past its time: killed by `_run`, after it has written where it stands
        except BaseException:
            child.kill()
            raise
        finally:
            if sound:
                self._supervisor.proven()
            else:
                self._supervisor.retire(child)
        return outcome

    async def _follow(self, run: _Run, child: ChildHandle, spool: Path) -> RenderOutcome:
        plan: Plan | None = None
        while True:
            report = await child.receive()
            if getattr(report, "run", None) != run.number:
                self._log.warning("engine child out of turn", report=type(report).__name__)
                child.kill()
                continue
            match report:
                case Planned(_, plan):
                    if not run.cancelled:
                        run.allow(run.deadline(plan))
                case Stepped(_, step, steps):
                    run.on_progress(step, steps)
                case Looked(_, picture):
                    if run.on_look is not None and len(picture) <= LOOK_MOST:
                        run.on_look(picture)
                case Finished(_, seconds, sound) if plan is not None:
                    return _rendered(plan, spool, seconds, beside(spool) if sound else None)
                case Failed(_, outcome, reason):
                    return RenderFailed(outcome, reason)
                case Interrupted():
                    return RenderStopped()
                case Poisoned(_, message, code):
                    child.kill()
                    await child.gone()
                    return DevicePoisoned(message, child.stderr_tail, code)


def _rendered(plan: Plan, spool: Path, seconds: float, sound: Path | None) -> Rendered:
    return Rendered(
        spool=spool,
        width=plan.width,
        height=plan.height,
        num_frames=plan.num_frames,
        fps=plan.fps,
        parameters=plan.parameters,
        render_seconds=seconds,
        notes=plan.notes,
        sound=sound,
    )
