"""A network in the form of Depth Anything V2's export that reads depth out of a picture's blue, and pictures for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image

from unstill_config.catalog import Catalog, Model

MEAN, DEVIATION = 0.406, 0.225
"""Of the blue channel, as the network's preparation has them."""
FILE = "onnx/model.onnx"


def network(path: Path, *, output: str = "predicted_depth") -> Path:
    """Write a network that says of each part that it is as near as it is blue."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes: list[str | int | None] = ["batch_size", 3, "height", "width"]
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["pixel_values", "blue"], ["normal"], axis=1),
            helper.make_node("Mul", ["normal", "deviation"], ["scaled"]),
            helper.make_node("Add", ["scaled", "mean"], [output]),
        ],
        "depth",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch_size", "height", "width"])],
        [
            helper.make_tensor("blue", TensorProto.INT64, [], [2]),
            helper.make_tensor("deviation", TensorProto.FLOAT, [], [DEVIATION]),
            helper.make_tensor("mean", TensorProto.FLOAT, [], [MEAN]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def entry(folder: Path) -> Model:
    """Return the catalogue's entry with the tiny network's folder as its weights."""
    if not (folder / FILE).exists():
        network(folder / FILE)
    return Catalog.load().models["depth"].model_copy(update={"weights": {"repo": str(folder)}})


def saved(red: NDArray[np.float64], green: NDArray[np.float64], near: NDArray[np.float64], path: Path) -> Path:
    """Write a picture of two textures, 0 to 255, and of how near each part is, 0 to 1."""
    pixels = np.stack([red, green, 255 * near], -1)
    Image.fromarray(np.rint(np.clip(pixels, 0, 255)).astype(np.uint8)).save(path)
    return path
