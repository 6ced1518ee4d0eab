"""Settings that change while a program runs: it reads quotas and catalogues anew at SIGHUP."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

import structlog

from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_config.settings import PREFIX, Settings

log = structlog.get_logger(__name__)

T = TypeVar("T")

ANEW = (f"{PREFIX}QUOTA__", f"{PREFIX}SAFETY__WORDS")
"""How the settings begin that count anew at once; all others count from the next start on."""


class Reloading:
    """Keeps what a program was started with, reads it anew, and tells who wants to hear of that.

    `settings` and `catalog` are what `load` and `Settings.load_catalog` gave; `catalog` is changed in place, so that
    all who hold it see what it has. `load` reads the settings where they are written, once more for each reload.
    """

    def __init__(self, settings: Settings, catalog: Catalog, load: Callable[[], Settings] = Settings.load) -> None:
        self.settings = settings
        self.catalog = catalog
        self._load = load
        self._listeners: list[Callable[[Settings], None]] = []
        self._readers: list[Callable[[Settings], Callable[[], None]]] = []

    def listen(self, listener: Callable[[Settings], None]) -> None:
        """Have `listener` called with the settings that hold now, after each reload that went well."""
        self._listeners.append(listener)

    def read(self, load: Callable[[Settings], T], adopt: Callable[[T], None]) -> None:
        """Have `load` read a file that the settings name, and `adopt` called with that once all else is right too.

        `load` raises ConfigError where the file is wrong.
        """

        def reader(settings: Settings) -> Callable[[], None]:
            found = load(settings)
            return lambda: adopt(found)

        self._readers.append(reader)

    def reload(self) -> None:
        """Read all anew. What is wrong is said in the log, and then everything stays as it was."""
        try:
            settings = self._load()
            catalog = settings.load_catalog()
            found = [read(settings) for read in self._readers]
        except ConfigError as error:
            log.error("the settings were not read anew and stay as they were", reason=str(error))
            return
        former, self.settings = self.settings, settings
        self.catalog.become(catalog)
        for adopt in found:
            adopt()
        names = _changed(former, settings)
        later = [name for name in names if not name.startswith(ANEW)]
        log.info("the settings were read anew", changed=[name for name in names if name not in later])
        if later:
            log.warning("some settings count from the next start on", settings=later)
        for listener in self._listeners:
            listener(settings)


def when_hung_up(reload: Callable[[], None], stop: Callable[[], None]) -> None:
    """Have the running loop call `reload` at SIGHUP; or `stop`, where that says that our terminal was closed."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, stop if _in_a_terminal() else reload)


def _in_a_terminal() -> bool:
    try:
        return sys.stdin.isatty()
    except (AttributeError, ValueError):
        # it was closed
        return False


def _changed(former: Settings, settings: Settings) -> list[str]:
    """Return the variables of the settings whose values differ."""
    return [
        f"{PREFIX}{group}__{name}".upper()
        for group, name in Settings.known()
        if getattr(getattr(former, group), name) != getattr(getattr(settings, group), name)
    ]
