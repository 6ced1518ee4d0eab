"""The `camera` renderer: words to a camera path, the path to frames."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unstill_config.catalog import Model
from unstill_engine.renderers.base import Frames, OnStep, Photos, Plan, RenderCancelled
from unstill_engine.renderers.camera.moves import along
from unstill_engine.renderers.camera.path import trace
from unstill_engine.renderers.camera.resample import Resampler, memory
from unstill_engine.renderers.camera.views import View, from_whole, lay, share_shown
from unstill_engine.renderers.camera.vocabulary import vocabulary
from unstill_engine.renderers.camera.words import direct, unread
from unstill_engine.renderers.framing import Size, cropped, frame_size, own_pixels, room
from unstill_engine.renderers.gaze import LOOK_BYTES, Gaze, look
from unstill_engine.renderers.photo import load_photo, photo_size
from unstill_queue.contract.codes import note
from unstill_queue.contract.jobs import Parameters

Cut = Callable[[View], NDArray[np.uint8]]

_CHUNK = 8
_THREADS_MOST = 4
#: So much of a frame's side its shape may differ from the photo's because sides are whole multiples.
_ROUNDED = 0.02


class Camera:
    """Moves a camera over the photo, on the CPU. The photo itself stays still.

    Words say what the camera does, and the picture goes the other way: "pan left" and "truck left" take the
    camera to the left, so what is seen moves right; "tilt up" and "pedestal up" show what is above, so it moves
    down. "Zoom in", "push in" and "dolly in" are one thing over a flat photo, and a dolly zoom is a strong zoom.
    "Rotate" and "roll clockwise" turn the picture clockwise, as it is seen. No frame shows anything outside the photo.
    The same seed gives the same frames, byte for byte.
    """

    def __init__(self, name: str, model: Model) -> None:
        self._name = name
        self._model = model
        self._threads = min(os.cpu_count() or 1, _THREADS_MOST)

    def load(self, device: str) -> None:
        """Read the camera's words. There is no model, and any device will do."""
        vocabulary()

    def plan(self, parameters: Parameters, photos: Photos) -> Plan:
        """Frame size, frames, seconds and bytes.

        Raises:
            RenderError: "picture_gone" or "picture_unreadable".
        """
        size = photo_size(photos.first)
        frame = frame_size(size, parameters, self._model.size_multiple, aspect_most=self._model.aspect_most)
        views = self._views(parameters, size, frame, continues=photos.continues)
        cost = self._model.cost.seconds(parameters.num_frames, 1, frame[0] * frame[1] / 1e6)
        return Plan(
            width=frame[0],
            height=frame[1],
            num_frames=parameters.num_frames,
            fps=parameters.fps,
            seconds=cost,
            memory=LOOK_BYTES + self._memory(size, views, frame, 2 * _CHUNK + 2 * self._threads),
            parameters=parameters,
            notes=(*_cropped(views, size, frame), *_unread(parameters)),
        )

    def render(self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]) -> Iterator[Frames]:
        """Chunks of up to 8 frames, (T, H, W, 3). A step is a frame.

        Raises:
            RenderCancelled: `cancelled()` was true before a frame.
            RenderError: "picture_gone" or "picture_unreadable".
        """
        if cancelled():
            raise RenderCancelled
        frame = (plan.width, plan.height)
        image = own_pixels(load_photo(photos.first), frame)
        gaze = look(image)
        views = self._views(plan.parameters, image.size, frame, gaze, continues=photos.continues)
        if cancelled():
            raise RenderCancelled
        cut = self._cutter(image, gaze, views, frame)
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="camera")
        chunk: list[NDArray[np.uint8]] = []
        try:
            for done, pixels in enumerate(_in_order(pool, cut, views, 2 * self._threads, cancelled), start=1):
                chunk.append(pixels)
                on_step(done, len(views))
                if len(chunk) == _CHUNK or done == len(views):
                    yield np.stack(chunk)
                    chunk = []
        finally:
            pool.shutdown(cancel_futures=True)

    def _memory(self, picture: Size, views: list[View], frame: Size, frames_at_once: int) -> int:
        """Bytes that a render takes at most beside the look at the photo."""
        return memory(picture, views, frame, frames_at_once)

    def _cutter(self, image: Image.Image, gaze: Gaze, views: list[View], frame: Size) -> Cut:
        """Return what makes a frame, (H, W, 3), of a view; it is called from several threads at once."""
        return Resampler(image, views, frame).cut

    def _views(
        self, parameters: Parameters, picture: Size, frame: Size, gaze: Gaze | None = None, *, continues: bool = False
    ) -> list[View]:
        moves, beyond = direct(parameters.prompt, parameters.camera), room(picture, frame)
        path = trace(
            # a shape that was asked for is a part of the photo, which the gaze has chosen
            moves if parameters.width and parameters.height else along(moves, beyond),
            motion=parameters.motion,
            seed=parameters.seed,
            num_frames=parameters.num_frames,
            fps=parameters.fps,
            room=beyond,
        )
        offered = parameters.camera in self._model.moves
        views = lay(msgspec.structs.replace(path, offered=offered), picture, frame, gaze)
        return from_whole(views, picture, frame) if continues else views


def _in_order(
    pool: ThreadPoolExecutor, cut: Cut, views: list[View], ahead: int, cancelled: Callable[[], bool]
) -> Iterator[NDArray[np.uint8]]:
    """The views' frames, at most `ahead` of them under way."""
    under_way: deque[Future[NDArray[np.uint8]]] = deque()
    waiting = deque(views)
    newest: tuple[View, Future[NDArray[np.uint8]]] | None = None
    while waiting or under_way:
        if cancelled():
            raise RenderCancelled
        while waiting and len(under_way) < ahead:
            view = waiting.popleft()
            if newest is None or newest[0] != view:
                newest = view, pool.submit(cut, view)
            under_way.append(newest[1])
        yield under_way.popleft().result()


def _cropped(views: list[View], picture: Size, frame: Size) -> tuple[str, ...]:
    """Return a note on what no frame shows: none where a move over a photo of the frame's shape leaves things out."""
    return cropped(share_shown(views, picture, frame)) if max(room(picture, frame)) > _ROUNDED else ()


def _unread(parameters: Parameters) -> tuple[str, ...]:
    """Return a note on the words that the camera could not follow."""
    words = unread(parameters.prompt, parameters.camera)
    return (note("move_unread", value=", ".join(words)),) if words else ()
