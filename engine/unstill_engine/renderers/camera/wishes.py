"""The moves that a text asks for, and which of them a pace or a number belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from unstill_engine.renderers.camera.amounts import Amount, measured
from unstill_engine.renderers.camera.moves import Axis, Move
from unstill_engine.renderers.camera.vocabulary import Unit


class Wishes:
    """All moves that a text asks for, in order.

    `last` are those of the last phrase, to which a pace or a number that follows belongs; what comes before its move
    waits in `pace` and `amount`.
    """

    def __init__(self) -> None:
        self.moves: list[Move] = []
        self.end_clause()

    def end_clause(self) -> None:
        self.last: slice | None = None
        self.pace = 1.0
        self.amount: Amount | None = None
        #: The first move of those that one word after them refuses: "ズームもパンもしない".
        self._chain = len(self.moves)
        self._chained = False

    def add(self, moves: Sequence[Move], *, continuing: bool, direction: bool) -> None:
        """Append a phrase. `continuing`: it may be one move with the phrase before, as in "从右向左缓慢移动".

        `direction`: it is one alone, which a rotation before it has too: "rotate links".
        """
        paced = [move.scaled(self.pace) for move in moves]
        before = self.moves[-1] if continuing and self.moves and len(moves) == 1 else None
        turned = before is not None and before.axis is Axis.ROLL and moves[0].axis is Axis.PAN
        same = before is not None and (moves[0].axis is before.axis or (turned and direction))
        if before is not None and same and 0 in (before.direction, moves[0].direction):
            whole = msgspec.structs.replace(before, direction=before.direction or moves[0].direction)
            self.moves[-1] = whole.scaled(paced[0].strength)
        else:
            self.last = slice(len(self.moves), len(self.moves) + len(moves))
            self.moves += paced
        if not self._chained:
            self._chain = min(len(self.moves) - len(moves), len(self.moves) - 1)
        self.pace, self._chained = 1.0, False
        if self.amount is not None and self._measured(self.amount):
            self.amount = None

    def chain(self, joined: bool) -> None:
        """Say whether the next phrase is joined to the last one, so that both may be refused after it."""
        self._chained = joined

    def scale(self, factor: float) -> None:
        """Apply a pace to the last phrase."""
        if self.last is not None:
            self.moves[self.last] = [move.scaled(factor) for move in self.moves[self.last]]

    def measure(self, amount: Amount, *, ahead: bool) -> Sequence[Move]:
        """Say how far the last phrase goes, or with `ahead` the next one.

        Returns the moves that are not to be: "zoom 0%".
        """
        if not self._measured(amount):
            self.amount = amount if ahead else None
        elif amount.value == 0 and amount.start is None and amount.unit is not Unit.OTHER:
            return self.take_back()
        return ()

    def _measured(self, amount: Amount) -> bool:
        if self.last is None:
            return False
        move = measured(self.moves[self.last.start], amount)
        if move is not None:
            self.moves[self.last.start] = move
        return move is not None

    def take_back(self) -> list[Move]:
        """Return the moves of the last phrase and of those that were joined to it, which are no wishes after all."""
        moves = self.moves[self._chain :]
        del self.moves[self._chain :]
        self.last = None
        return moves
