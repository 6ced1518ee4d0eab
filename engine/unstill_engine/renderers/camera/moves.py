"""What a camera can do, and how far it goes when nobody says how far."""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec
import numpy as np

_SEED_BITS = 2**32 - 1


class Axis(StrEnum):
    """What a move changes. +1 on each: nearer, right, up, the picture turning clockwise."""

    ZOOM = "zoom"
    PAN = "pan"
    TILT = "tilt"
    ROLL = "roll"
    SHAKE = "shake"


#: How far one whole move of strength 1 goes: the zoom's natural logarithm; parts of the frame's width, and
#: of its height; degrees; a shake's excursion as a part of the frame's width.
REACH = {Axis.ZOOM: 0.26, Axis.PAN: 0.16, Axis.TILT: 0.14, Axis.ROLL: 7.0, Axis.SHAKE: 0.012}

#: A picture that is longer than the frame by this part of it is travelled over where nobody asks for a move.
TRAVEL_LEAST = 0.1

#: Strength, speed and motion multiplied never go past this.
STRENGTH_MOST = 3.5

#: How far a move goes at most that was asked for in degrees, percent or times, in the units of REACH.
AMOUNT_MOST = {Axis.ZOOM: math.log(4), Axis.PAN: 0.6, Axis.TILT: 0.6, Axis.ROLL: 360.0, Axis.SHAKE: 0.0}


class Move(msgspec.Struct, frozen=True):
    """One movement along one axis over the whole clip. Direction 0: nearer for a zoom, the seed's choice for the rest.

    `amount` is how far it goes in the units of REACH where somebody said so, whatever `strength` is; 0: nobody did.
    `hertz` is the middle frequency of a shake. What nobody asked for may cut off nothing that matters.
    """

    axis: Axis
    direction: int = 0
    strength: float = 1.0
    hertz: float = 0.0
    asked: bool = True
    amount: float = 0.0

    def way(self, motion: float, room: float = 0.0) -> float:
        """Return how far the move goes in its direction, in the units of REACH.

        A whole move that was asked for goes over all the `room` that a picture has beyond the frame, in those units.
        """
        strength = min(self.strength * motion, STRENGTH_MOST)
        usual = max(strength * REACH[self.axis], min(strength, 1.0) * room * self.asked)
        return self.direction * (self.amount or usual)

    def scaled(self, factor: float) -> Move:
        return msgspec.structs.replace(self, strength=self.strength * factor)

    def settled(self, signs: dict[Axis, int]) -> Move:
        return self if self.direction else msgspec.structs.replace(self, direction=signs[self.axis])


def seeded_signs(seed: int) -> dict[Axis, int]:
    """Which way a move goes that was asked for without a direction."""
    drawn = np.random.default_rng([seed & _SEED_BITS, 1]).random(3) < 0.5
    pan, tilt, roll = (1 if positive else -1 for positive in drawn)
    return {Axis.ZOOM: 1, Axis.PAN: pan, Axis.TILT: tilt, Axis.ROLL: roll, Axis.SHAKE: 1}


#: A slow zoom in with a slight drift, for words that say nothing of a camera.
GENTLE = (
    Move(Axis.ZOOM, 1, 0.6, asked=False),
    Move(Axis.PAN, 0, 0.22, asked=False),
    Move(Axis.TILT, 0, 0.15, asked=False),
)


def along(moves: tuple[Move, ...], room: tuple[float, float]) -> tuple[Move, ...]:
    """The moves over a picture that is wider and higher than the frame by `room`, in frame widths and heights.

    A drift that nobody asked for becomes a way along all of it: to the right, or down. One that was refused does not.
    """
    axis, far, direction = max((Axis.PAN, room[0], 1), (Axis.TILT, room[1], -1), key=lambda each: each[1])
    drifts = any(move.axis is axis for move in moves) and not any(move.asked for move in moves)
    # of a picture that is hardly longer, a whole move would have to come nearer to have the room for it
    return (Move(axis, direction, min(1.0, far / REACH[axis])),) if drifts and far >= TRAVEL_LEAST else moves
