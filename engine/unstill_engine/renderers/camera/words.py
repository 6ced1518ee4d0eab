"""Words to moves: reads what the camera is told, in a prompt about something else or apart from one."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from unstill_engine.renderers.camera.moves import GENTLE, Axis, Move
from unstill_engine.renderers.camera.reading import Reading, read

_DRIFT_ALONE = 2.5


@lru_cache(maxsize=64)
def direct(prompt: str, camera: str) -> tuple[Move, ...]:
    """The moves for a clip; none: the camera stands still. What `camera` says wins over the prompt. Never raises."""
    apart, within = _readings(prompt, camera)
    chosen = apart if apart.decided else within
    refused = (*apart.refused, *within.refused) if chosen is within else apart.refused
    unwanted = (*apart.refused, *apart.unwanted, *within.refused, *within.unwanted)
    moves = tuple(filter(None, (_allowed(move, refused, unwanted) for move in chosen.moves)))
    if moves:
        pace = chosen.pace if chosen is apart else apart.pace * chosen.pace
        return tuple(move.scaled(pace) for move in moves)
    if chosen.still:
        return ()
    pace = apart.pace * within.pace
    return tuple(move.scaled(pace) for move in _gentle(unwanted))


def _readings(prompt: str, camera: str) -> tuple[Reading, Reading]:
    within = read(prompt, camera_words=True)
    if not within.of_nothing_else:
        within = read(prompt, camera_words=False)
    return read(camera, camera_words=True), within


def _allowed(move: Move, refused: tuple[Move, ...], unwanted: tuple[Move, ...]) -> Move | None:
    """Return the move as far as nothing refuses it: "pan, but not left" goes right."""
    never = {no.direction for no in refused if no.axis is move.axis}
    if 0 in never or (move.direction and move.direction in never):
        return None
    rather_not = {no.direction for no in unwanted if no.axis is move.axis and no.direction}
    if move.direction or not rather_not:
        return move
    return msgspec.structs.replace(move, direction=-rather_not.pop()) if len(rather_not) == 1 else None


def _gentle(unwanted: tuple[Move, ...]) -> tuple[Move, ...]:
    """Return what happens by itself. Who wants neither a zoom nor a drift gets neither, and who wants no shaking no
    drift, which is the small one of the two.
    """
    zoom, *drift = GENTLE
    no_zoom = any(no.axis is Axis.ZOOM and no.direction >= 0 for no in unwanted)
    if any(no.axis in (Axis.PAN, Axis.TILT, Axis.SHAKE) for no in unwanted):
        return () if no_zoom else (zoom,)
    return tuple(move.scaled(_DRIFT_ALONE) for move in drift) if no_zoom else GENTLE
