"""Judges how near each part of a picture is, by Depth Anything V2 or what has its inputs and outputs, as ONNX."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unstill_engine.renderers.base import RenderError
from unstill_engine.renderers.framing import Size

Nearness = NDArray[np.float32]
"""The nearness of each part of a picture, (H, W): 0 the farthest, 1 the nearest, linear in the inverse of the depth."""

#: The network's own preparation (preprocessor_config.json of the export): its short side, the sides' common divisor,
#: and ImageNet's mean and deviation of each channel.
_SIDE, _MULTIPLE = 518, 14
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
#: A longer picture is judged by a smaller copy: the work grows faster than its pixels.
_PIXELS_MOST = _SIDE * 2 * _SIDE
#: What is nearer or farther than all but this share of the picture counts as these are: one speck of the sky or one
#: leaf before the lens would else take all of the range.
_OUTLIERS = 1.0
#: The least range of what the network says, against its largest value, that tells anything of depth.
_RANGE_LEAST = 1e-3
_SHOWN_REASON = 200
#: The type of the network's one input, and how many dimensions it has.
_FORM = "tensor(float)", 4

#: What a pass takes at most, by the sizes of the network's tensors: 26 million weights of 4 bytes, and in an attention
#: one number for each pair of 14 x 14 patches and head, twice.
PASS_BYTES = 26_000_000 * 4 + 2 * 6 * 4 * (_PIXELS_MOST // _MULTIPLE**2) ** 2


class Network:
    """A network of one input `pixel_values`, (1, 3, H, W) float32, and one output, (1, H, W), larger where nearer."""

    def __init__(self, file: Path, threads: int) -> None:
        """Load it.

        Raises:
            RenderError: "model_unavailable", where onnxruntime is not installed, or does not read the file.
        """
        # ONNX Runtime otherwise tells Microsoft of its use, from a thread of its own and a file in the home folder
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        try:
            import onnxruntime  # after this is set
        except ImportError as error:
            raise RenderError(
                "model_unavailable",
                "The model depth needs onnxruntime. Run: pip install 'unstill-engine[depth]', or choose another model.",
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        # threads that wait for work would else spin, while the frames are made; and memory of a pass goes back after it
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False
        options.use_deterministic_compute = True
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
            given, told = self._session.get_inputs(), self._session.get_outputs()
            if [(each.type, len(each.shape)) for each in given] != [_FORM] or len(told) != 1:
                raise ValueError("it has other inputs or outputs than Depth Anything V2")
            self._input: str = given[0].name
            self._fixed = _fixed_size(given[0].shape)
        except Exception as error:  # onnxruntime has a class for each way to fail
            why = str(error).splitlines()[0][:_SHOWN_REASON].rstrip(".")
            raise RenderError(
                "model_unavailable",
                f"The network {file} cannot be read ({why}). Delete it and fetch the model anew.",
            ) from error

    def nearness(self, image: Image.Image) -> Nearness:
        """Return how near each part of an RGB picture is; the same everywhere where the network sees no depth.

        Raises:
            RenderError: "render_failed", the network gave something else than a number for each part.
        """
        width, height = self._fixed or judged_size(image.size)
        small = image.resize((width, height), Image.Resampling.BICUBIC)
        pixels = (np.asarray(small, np.float32) / 255 - _MEAN) / _DEVIATION
        (told,) = self._session.run(None, {self._input: np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])})
        found = np.asarray(told, np.float32)
        if found.size != width * height:
            raise RenderError("render_failed", f"the network of depth gave {found.shape} for {width}x{height} pixels")
        if not np.isfinite(found).all():
            raise RenderError("render_failed", "the network of depth gave what is no number")
        return _normalised(found.reshape(height, width))


def judged_size(picture: Size) -> Size:
    """Return the width and height of the copy of a picture that the network is shown, in its shape, or nearly."""
    scale = min(_SIDE / min(picture), (_PIXELS_MOST / (picture[0] * picture[1])) ** 0.5)
    width, height = (max(round(side * scale / _MULTIPLE), 1) * _MULTIPLE for side in picture)
    return width, height


def _normalised(told: NDArray[np.float32]) -> Nearness:
    far, near = (float(each) for each in np.percentile(told, (_OUTLIERS, 100 - _OUTLIERS)))
    if near - far <= _RANGE_LEAST * max(abs(near), abs(far), _RANGE_LEAST):
        return np.full(told.shape, 0.5, np.float32)
    return np.asarray(np.clip((told - far) / (near - far), 0, 1), np.float32)


def _fixed_size(shape: list[int | str | None]) -> Size | None:
    """The width and height that the network takes and no other; None: any that have the divisor."""
    height, width = shape[-2:]
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None
