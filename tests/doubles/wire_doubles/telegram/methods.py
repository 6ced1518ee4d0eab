"""The table of methods that a bot can call. Names do not depend on case, as on the platform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wire_doubles.telegram.requests import Call
from wire_doubles.telegram.world import World

Method = Callable[[World, Call], Any]
METHODS: dict[str, Method] = {}


def method(name: str) -> Callable[[Method], Method]:
    def enter(function: Method) -> Method:
        METHODS[name.lower()] = function
        return function

    return enter
