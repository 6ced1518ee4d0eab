"""The models of one device, of which one is loaded at a time: the others' processes begin when it has ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from unstill_engine.device.affinity import GIVEN_UP_FOR, Affinity
from unstill_engine.device.outcomes import EngineError
from unstill_engine.device.process import EngineProcess

LOOK_EVERY = 1.0
"""Seconds between two looks whether a model that was given up may be tried again, where none is left."""


class Models:
    """Holds the one of an engine's models that its device renders with now.

    `process_of` makes the process of a model. An engine of one model never changes over, and where that one's process
    ends it is started again for as long as the engine serves. One of several gives up what cannot be loaded, says so,
    and goes on with the others. `changed` is called when another one is loaded, or one is given up.
    """

    def __init__(
        self,
        affinity: Affinity,
        process_of: Callable[[str], EngineProcess],
        log: FilteringBoundLogger,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.affinity = affinity
        self._process_of = process_of
        self._log = log
        self._changed = changed
        self._process: EngineProcess | None = None
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Load the first model that can be loaded.

        Raises:
            EngineError: none can, or another process holds the device.
        """
        for name in self.affinity.models:
            try:
                await self.load(name)
                return
            except EngineError:
                if name == self.affinity.models[-1]:
                    raise

    async def ready(self) -> None:
        """Wait until a job may be taken: a model is loaded, or one is to be.

        Raises:
            EngineError: not started, or stopped.
        """
        process, name = self._process, self.affinity.loaded
        if len(self.affinity.models) == 1 and process is not None:
            await process.ready()
            return
        if process is not None and name is not None:
            try:
                await process.loaded()
            except EngineError as error:
                await self._give_up(name, error)
        while not self.affinity.served:
            await asyncio.sleep(LOOK_EVERY)

    async def load(self, name: str) -> bool:
        """See to it that a model is loaded; return whether it was not before. The device renders nothing meanwhile.

        Raises:
            EngineError: it cannot be loaded, and is given up for a while.
        """
        async with self._changing:
            if name == self.affinity.loaded and self._process is not None:
                return False
            await self.stop()
            began = time.monotonic()
            process = self._process_of(name)
            try:
                await process.start()
            except EngineError as error:
                await self._give_up(name, error)
                raise
            self._process = process
            seconds = time.monotonic() - began
            self.affinity.now_loaded(name, seconds)
            self._log.info("model loaded", model=name, seconds=round(seconds, 1))
            self._changed()
            return True

    @property
    def process(self) -> EngineProcess:
        """The process of the model that is loaded.

        Raises:
            EngineError: there is none.
        """
        if self._process is None:
            raise EngineError("engine_lost", "The engine is not running. Start it and try again.")
        return self._process

    def cancel(self, job: str) -> None:
        """End a render, as `EngineProcess.cancel`."""
        if self._process is not None:
            self._process.cancel(job)

    async def stop(self) -> None:
        """Cancel what runs and end the process of the model that is loaded."""
        process, self._process = self._process, None
        self.affinity.unloaded()
        if process is not None:
            await process.stop()

    async def _give_up(self, name: str, error: EngineError) -> None:
        await self.stop()
        self.affinity.give_up(name)
        if len(self.affinity.models) > 1:
            self._log.error(
                "a model cannot be loaded and is not served for a while",
                model=name, code=error.code, reason=str(error), again_in=GIVEN_UP_FOR,
            )  # fmt: skip
        self._changed()
