"""The register of the API's operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wire_doubles.discord.requests import Call

if TYPE_CHECKING:
    from wire_doubles.discord.world import World

Operation = Callable[["World", Call], Any]
MAJORS = ("channel_id", "guild_id", "token")


@dataclass(frozen=True)
class Route:
    """`allowed` calls in so many seconds for one channel, server or token. `open` needs no token of the bot's,
    and does not count against its overall limit.
    """

    method: str
    path: str
    operation: Operation
    allowed: tuple[int, float]
    open: bool

    @property
    def name(self) -> str:
        return self.operation.__name__


ROUTES: list[Route] = []


def route(
    method: str, path: str, *, allowed: tuple[int, float] = (10, 1.0), open: bool = False
) -> Callable[[Operation], Operation]:
    """Enter an operation. It returns what is sent as JSON, None for 204."""

    def enter(operation: Operation) -> Operation:
        ROUTES.append(Route(method, path, operation, allowed, open))
        return operation

    return enter
