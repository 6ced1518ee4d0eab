"""Keeps one loaded child: starts it, and starts another one whenever it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from structlog.typing import FilteringBoundLogger

from unstill_config import metrics
from unstill_engine.device.child_process import ChildGone, ChildHandle
from unstill_engine.device.messages import Load, Loaded, Locked, NotLoaded, Stop
from unstill_engine.device.outcomes import EngineError

START_SECONDS = 60.0
"""From the spawn to the wish for the device: Python and the renderer's imports on a slow disk."""

PROVEN_SECONDS = 30.0
"""A child that lived that long, or ended a job, is no sign of a device that cannot be had."""

NO_PROCESS = "The engine's process cannot be started. See its log."
BACKOFF_FIRST, BACKOFF_MOST = 0.5, 30.0


class Supervisor:
    """Keeps a child running.

    `load_deadline`: seconds for a model to load, from when the child has the device, or last wrote to its log.
    """

    def __init__(
        self,
        load: Load,
        environ: Mapping[str, str],
        log: FilteringBoundLogger,
        *,
        load_deadline: float,
        variables: Sequence[str] = (),
    ) -> None:
        self._load = load
        self._environ = environ
        self._variables = variables
        self._log = log
        self._load_deadline = load_deadline
        self._load_result: asyncio.Future[ChildHandle]
        self._loaded: ChildHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._proven = False

    async def start(self) -> None:
        """Raises EngineError where the first child cannot be loaded; nothing is left running then."""
        self._load_result = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._supervise())
        try:
            await asyncio.shield(self._load_result)
        except BaseException:
            await self.stop(0)
            raise

    async def stop(self, grace: float) -> None:
        """End the child: of itself within `grace` seconds, else by a kill."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        child, self._loaded = self._loaded, None
        self._renew(EngineError("engine_lost", "The engine was stopped. Start it and try again."))
        if child is None:
            return
        child.send(Stop())
        try:
            async with asyncio.timeout(grace):
                await child.gone()
        except TimeoutError:
            child.kill()
            await child.gone()

    @property
    def loaded_child(self) -> ChildHandle | None:
        return self._loaded

    async def child(self) -> ChildHandle:
        """The loaded child; waits for the one that is being loaded.

        Raises:
            EngineError: not started, or stopped, or this very load failed. The next one follows by itself.
        """
        if self._task is None:
            raise EngineError("engine_lost", "The engine is not running. Start it and try again.")
        return await asyncio.shield(self._load_result)

    async def ready(self) -> None:
        """Wait until a child is loaded, however many loads fail. Raises EngineError where none is to come."""
        while True:
            try:
                await self.child()
                return
            except EngineError:
                if self._task is None:
                    raise

    def retire(self, child: ChildHandle) -> None:
        """No job is given to it any more; whoever calls this sees to its end."""
        if self._loaded is child:
            self._loaded = None
            self._load_result = asyncio.get_running_loop().create_future()

    def proven(self) -> None:
        """The child has ended a job, well or not: should it end now, the next one is started at once."""
        self._proven = True

    async def _supervise(self) -> None:
        failures = 0
        first = True
        while True:
            if failures > 1:
                await asyncio.sleep(min(BACKOFF_MOST, BACKOFF_FIRST * 2 ** (failures - 2)))
            try:
                child = await self._spawn()
            except Exception as error:  # nobody awaits this task: it must not end unheard
                failures += 1
                self._log.error(
                    "engine child not loaded", exc_info=not isinstance(error, EngineError), reason=str(error)
                )
                self._renew(error if isinstance(error, EngineError) else EngineError("engine_lost", NO_PROCESS))
                if first:
                    return
                continue
            first = False
            self._proven = False
            born = _now()
            self._loaded = child
            self._load_result.set_result(child)
            reason = await child.gone()
            self.retire(child)
            failures = 0 if self._proven or _now() - born > PROVEN_SECONDS else failures + 1
            metrics.count("engine_children_ended", model=self._load.name)
            self._log.warning("engine child ended", pid=child.pid, reason=reason, stderr_tail=child.stderr_tail)

    def _renew(self, error: EngineError) -> None:
        """Tell whoever waits for a child of this load; later ones wait for the next load."""
        if not self._load_result.done():
            self._load_result.set_exception(error)
            self._load_result.exception()  # where nobody waits, nobody misses it
        self._load_result = asyncio.get_running_loop().create_future()

    async def _spawn(self) -> ChildHandle:
        """A child that holds the device and has loaded the model. Raises EngineError."""
        try:
            child = await ChildHandle.spawn(self._environ, self._log, also=self._variables)
        except OSError as error:
            text = f"The engine's process cannot be started: {error.strerror}. See that the machine has memory left."
            raise EngineError("engine_lost", text) from error
        loaded = False
        try:
            child.send(self._load)
            seconds = await self._until_loaded(child)
            loaded = True
        except ChildGone as gone:
            text = f"The engine's process ended while it loaded the model {self._load.name}: {gone}. See its log."
            raise EngineError("engine_lost", text) from gone
        except TimeoutError as error:
            await child.kill_hung()
            text = f"The model {self._load.name} was not loaded in time. See the engine's log for where it stood."
            raise EngineError("engine_lost", text) from error
        finally:
            if not loaded:
                child.kill()
                await child.gone()
        metrics.observe("model_load_seconds", seconds, model=self._load.name)
        self._log.info("engine child loaded", pid=child.pid, seconds=round(seconds, 3))
        return child

    async def _until_loaded(self, child: ChildHandle) -> float:
        ends, locked = _now() + START_SECONDS + self._load.lock_timeout, False
        while True:
            try:
                async with asyncio.timeout_at(ends):
                    report = await child.receive()
            except TimeoutError:
                # weights may take hours to fetch, which is told each minute: it is silence that is too long
                ends = child.told_at + self._load_deadline
                if not locked or ends <= _now():
                    raise
                continue
            match report:
                case Locked():
                    ends, locked = _now() + self._load_deadline, True
                case Loaded(seconds):
                    return seconds
                case NotLoaded(code, reason):
                    raise EngineError(code, reason)
                case _:
                    child.kill()


def _now() -> float:
    return asyncio.get_running_loop().time()
