"""Words to moves: reads what the camera is told, in a prompt about something else or apart from one."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from unstill_engine.renderers.camera.moves import GENTLE, Axis, Move
from unstill_engine.renderers.camera.reading import Reading, read

_DRIFT_ALONE = 2.5
_UNREAD_MOST = 60


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


def unread(prompt: str, camera: str) -> tuple[str, ...]:
    """Return the words that were to tell the camera something, and told it nothing.

    They are verbs of the camera with the unknown word after each, and camera words of which none is known.
    """
    apart, within = _readings(prompt, camera)
    if camera.strip() and apart == Reading(of_nothing_else=apart.of_nothing_else):
        return (" ".join(camera.split())[:_UNREAD_MOST], *within.unread)
    return (*apart.unread, *within.unread)


@lru_cache(maxsize=64)
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
    """Return what happens by itself: nothing for who wants neither a zoom nor another move, and no drift for who wants
    no pan or no shaking.
    """
    zoom, *drift = GENTLE
    axes = {no.axis for no in unwanted}
    if axes & {Axis.PAN, Axis.SHAKE}:
        drift = []
    drift = [move for move in drift if move.axis not in axes]
    if Axis.ZOOM not in axes:
        return (zoom, *drift)
    return () if axes & {Axis.PAN, Axis.TILT, Axis.SHAKE} else tuple(move.scaled(_DRIFT_ALONE) for move in drift)
