"""The `depth` renderer: the camera's words and path, through a picture whose depth a network judges."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from unstill_config.catalog import Model
from unstill_engine.renderers.camera.renderer import Camera, Cut
from unstill_engine.renderers.camera.resample import copy_sizes
from unstill_engine.renderers.camera.views import View
from unstill_engine.renderers.depth.layers import layers_bytes
from unstill_engine.renderers.depth.network import PASS_BYTES, Network, judged_size
from unstill_engine.renderers.depth.parallax import kept_inside
from unstill_engine.renderers.depth.scene import FINE_MOST, Scene
from unstill_engine.renderers.download import Contents, model_folder
from unstill_engine.renderers.framing import Size
from unstill_engine.renderers.gaze import Gaze
from unstill_queue.contract.jobs import Parameters


class Depth(Camera):
    """Moves a camera through the photo, on the CPU: what is near moves more than what is far.

    It understands the words that `Camera` does, and holds in the frame what that holds. What the photo hides and the
    camera uncovers is filled in from what is around it; nothing in the photo moves by itself. No frame shows anything
    outside the photo. The same seed gives the same frames, byte for byte.
    """

    def __init__(self, name: str, model: Model) -> None:
        super().__init__(name, model)
        self._network: Network | None = None

    def load(self, device: str) -> None:
        """Read the network, which is fetched once where `weights` name a repository. Any device will do.

        Raises:
            RenderError: "model_unavailable" or "disk_full".
        """
        super().load(device)
        (file,) = self._model.needs.files if self._model.needs else ("onnx/model.onnx",)
        folder = model_folder(self._model.weights, Contents(weights=(), files=(file,)))
        self._network = Network(Path(folder, file), self._threads)

    def _views(
        self, parameters: Parameters, picture: Size, frame: Size, gaze: Gaze | None = None, *, continues: bool = False
    ) -> list[View]:
        views = super()._views(parameters, picture, frame, gaze, continues=continues)
        # the first of these has to show all of the picture, which it does as it is
        return kept_inside(views, picture, frame, each=continues)

    def _memory(self, picture: Size, views: list[View], frame: Size, frames_at_once: int) -> int:
        fine = copy_sizes(picture, views, level=False, most=FINE_MOST)[1]
        frames = frames_at_once * frame[0] * frame[1] * (8 + 3)
        return PASS_BYTES + 4 * picture[0] * picture[1] + layers_bytes(fine, judged_size(picture)) + frames

    def _cutter(self, image: Image.Image, gaze: Gaze, views: list[View], frame: Size) -> Cut:
        if self._network is None:
            raise RuntimeError("the renderer was not loaded")
        return Scene(image, self._network.nearness(image), gaze, views, frame).cut
