"""Numbers and their units in what is said: taken out, so that they part no verb from its direction, and kept apart."""

from __future__ import annotations

import math
import re

import msgspec

from unstill_engine.renderers.camera.moves import AMOUNT_MOST, Axis, Move
from unstill_engine.renderers.camera.vocabulary import Unit, Vocabulary

#: The angle of view that degrees of a pan and of a tilt are measured against, over a frame's width and its height.
_DEGREES_WIDE, _DEGREES_HIGH = 60.0, 45.0
#: A smaller number without a unit, as in "rotate 2 clockwise", is no angle.
_BARE_DEGREES = 10.0
_MULTIPLES = (10.0, 100.0)


class Amount(msgspec.Struct, frozen=True):
    """A number with its unit, and where it stood in the text without it. `sign` is 0 where none was written.

    `start` is the first number of two: "from 100 % to 120 %".
    """

    at: int
    value: float
    unit: Unit | None
    sign: int = 0
    start: float | None = None


def take_out(text: str, words: Vocabulary) -> tuple[str, list[Amount]]:
    """Return a text without its amounts, and those."""
    if not words.number.search(text):
        return text, []
    rest, amounts, done = "", [], 0
    for found, unit in _found(text, words):
        rest += text[done : found.start()]
        done = found.end()
        sign = {"-": -1, "−": -1, "+": 1}.get(found["sign"] or "", 0)
        *start, value = (
            _value(text, words) for name, text in found.groupdict().items() if name.startswith("number") and text
        )
        amounts.append(Amount(len(rest), value, unit, sign, start[0] if start else None))
    return rest + text[done:], amounts


def _found(text: str, words: Vocabulary) -> list[tuple[re.Match[str], Unit | None]]:
    """Find the amounts in order; of two that share characters the one that starts first, or else the longer."""
    every = [(found, unit) for pattern, unit in words.amounts for found in pattern.finditer(text)]
    every.sort(key=lambda each: (each[0].start("said"), -len(each[0][0].rstrip())))
    kept: list[tuple[re.Match[str], Unit | None]] = []
    for found, unit in every:
        if not kept or found.start() >= kept[-1][0].end():
            kept.append((found, unit))
    return kept


def _value(said: str, words: Vocabulary) -> float:
    """Return the number that is said. "10-20" is 20, "九十" 90, "one hundred eighty" 180."""
    if digits := re.findall(r"\d+(?:[.,]\d+)?", said):
        return float(digits[-1].replace(",", "."))
    total = last = 0.0
    while said:
        if word := next((each for each in sorted(words.numbers, key=len, reverse=True) if said.startswith(each)), ""):
            value = words.numbers[word]
            if value in _MULTIPLES and last < value:
                total, last = total + (last or 1.0) * value, 0.0
            else:
                total, last = total + last, value
        said = said[len(word) or 1 :]
    return total + last


def measured(move: Move, amount: Amount) -> Move | None:
    """Return a move that goes as far as was said; None where the amount is none of such a move.

    A sign gives a direction to a move that has none.
    """
    way = _way(move, amount)
    if way is None:
        return None
    if way == 0.0:
        return move
    direction = move.direction or amount.sign
    if amount.start is not None or (not direction and way < 0):
        direction = 1 if way > 0 else -1
    return msgspec.structs.replace(move, direction=direction, amount=min(abs(way), AMOUNT_MOST[move.axis]))


def _way(move: Move, amount: Amount) -> float | None:
    """Return how far the amount is along the move's axis, in the units of REACH; 0: any unit may stand there."""
    value, axis = amount.value, move.axis
    if amount.start is not None:
        if axis is not Axis.ZOOM:
            return None
        return math.log(value / amount.start) if value > 0 and amount.start > 0 else 0.0
    match amount.unit:
        case Unit.DEGREES:
            return {Axis.ROLL: value, Axis.PAN: value / _DEGREES_WIDE, Axis.TILT: value / _DEGREES_HIGH}.get(axis)
        case Unit.TURNS:
            return value * 360 if axis is Axis.ROLL else None
        case Unit.PERCENT if axis is Axis.ZOOM:
            # to 150 % is by 50 %
            return math.log(value / 100 if value > 100 else 1 + value / 100)
        case Unit.PERCENT:
            return value / 100 if axis in (Axis.PAN, Axis.TILT) else None
        case Unit.TIMES:
            return math.log(value) if axis is Axis.ZOOM and value > 0 else None
        case None if axis is Axis.ROLL and value >= _BARE_DEGREES:
            return value
    return 0.0
