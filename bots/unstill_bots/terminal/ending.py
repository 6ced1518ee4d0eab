"""How a command can end."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """Exit codes."""

    OK = 0
    FAILED = 1
    USAGE = 2
    SETTINGS = 3
    UNAVAILABLE = 4
    CANCELLED = 130


EXIT_CODES = (
    "Exit codes: 0 done, 1 a clip could not be made or a check failed, 2 wrong usage, 3 the settings are wrong, "
    "4 the server or the engine is not to be had, 130 cancelled."
)


class Stop(Exception):
    """The command ends here, with a sentence for the person."""

    def __init__(self, code: Code, sentence: str) -> None:
        self.code = code
        super().__init__(sentence)
