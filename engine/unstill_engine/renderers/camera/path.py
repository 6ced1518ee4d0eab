"""Where the camera is at each frame, before it is known over which picture."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from unstill_engine.renderers.camera.moves import REACH, STRENGTH_MOST, Axis, Move, seeded_signs

Curve = NDArray[np.float64]

_SEED_BITS = 2**32 - 1
_SHAKE_WAVES = 4
_SHAKE_ROLL_DEGREES = 0.45
_SHAKE_SETTLES = 0.12


class Path(msgspec.Struct, frozen=True):
    """One value a frame, each array of shape (T,).

    `zoom` is the magnification against the widest view, `x` and `y` where the camera looks in frame
    widths and heights (right and down positive), `turn` by how many degrees the picture stands clockwise.
    `asked`: the words said so, at least of a part of it; `exact`: they said how far. `offered`: Again chose the words.
    """

    zoom: Curve
    x: Curve
    y: Curve
    turn: Curve
    asked: bool = True
    exact: bool = False
    offered: bool = False

    def scaled(self, factor: float) -> Path:
        """The same way, `factor` times as far."""
        return msgspec.structs.replace(self.calmed(factor), zoom=self.zoom**factor)

    def calmed(self, factor: float) -> Path:
        """The same zoom, and all else `factor` times as far."""
        return msgspec.structs.replace(self, x=self.x * factor, y=self.y * factor, turn=self.turn * factor)


def smoothstep(t: Curve) -> Curve:
    """3t² - 2t³ on 0 to 1, held beyond: the speed is zero at both ends, so a clip played to and fro has no kick."""
    held = np.clip(t, 0.0, 1.0)
    return held * held * (3.0 - 2.0 * held)


def trace(
    moves: Iterable[Move],
    *,
    motion: float,
    seed: int,
    num_frames: int,
    fps: int,
    room: tuple[float, float] = (0.0, 0.0),
) -> Path:
    """Ease every move over the clip. Moves on different axes go together; those on one axis follow each other.

    The picture is wider and higher than the frame by `room`, in frame widths and heights: a whole pan or tilt that was
    asked for goes over all of that.
    """
    time = np.linspace(0.0, 1.0, num_frames) if num_frames > 1 else np.zeros(1)
    signs = seeded_signs(seed)
    settled = [move.settled(signs) for move in moves]
    zoom, pan, tilt, roll = (
        _eased(_in_turn(settled, axis, motion, far), time)
        for axis, far in ((Axis.ZOOM, 0.0), (Axis.PAN, room[0]), (Axis.TILT, room[1]), (Axis.ROLL, 0.0))
    )
    x, y = pan, -tilt
    for move in settled:
        if move.axis is Axis.SHAKE:
            strength = min(move.strength * motion, STRENGTH_MOST)
            dx, dy, droll = _shake(move.hertz, seed, time, fps)
            x = x + REACH[Axis.SHAKE] * strength * dx
            y = y + REACH[Axis.SHAKE] * strength * dy
            roll = roll + _SHAKE_ROLL_DEGREES * strength * droll
    asked, exact = any(move.asked for move in settled) or not settled, any(move.amount for move in settled)
    return Path(np.exp(zoom), x, y, roll, asked, exact)


def _in_turn(moves: list[Move], axis: Axis, motion: float, room: float) -> list[float]:
    """The axis' legs. Two in the same direction, one after the other, are one thing said twice: the longer counts."""
    legs: list[float] = []
    for move in moves:
        if move.axis is not axis:
            continue
        leg = move.way(motion, room)
        if legs and legs[-1] * leg > 0:
            legs[-1] = max(legs[-1], leg, key=abs)
        else:
            legs.append(leg)
    return legs


def _eased(legs: list[float], time: Curve) -> Curve:
    curve = np.zeros_like(time)
    for number, leg in enumerate(legs):
        curve += leg * smoothstep(time * len(legs) - number)
    return curve


def _shake(hertz: float, seed: int, time: Curve, fps: int) -> tuple[Curve, Curve, Curve]:
    """Three sums of sines with the seed's phases, at rest at both ends; no part is faster than four frames a turn."""
    rng = np.random.default_rng([seed & _SEED_BITS, 2])
    seconds = time * (len(time) - 1) / fps
    calm = smoothstep(time / _SHAKE_SETTLES) * smoothstep((1.0 - time) / _SHAKE_SETTLES)
    curves = []
    for _ in range(3):
        curve = np.zeros_like(time)
        for _ in range(_SHAKE_WAVES):
            frequency = min(hertz * (0.5 + rng.random()), fps / 4)
            curve += np.sin(2 * np.pi * (frequency * seconds + rng.random())) * (0.5 + rng.random())
        curves.append(calm * curve / _SHAKE_WAVES**0.5)
    return curves[0], curves[1], curves[2]
