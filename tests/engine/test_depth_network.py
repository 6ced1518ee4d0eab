"""Networks of other forms than Depth Anything V2's export: what is taken, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper
from PIL import Image

from unstill_engine.renderers.base import RenderError
from unstill_engine.renderers.depth.network import Network

BLUE = helper.make_tensor("blue", TensorProto.INT64, [], [2])
READS = helper.make_node("Gather", ["pixel_values", "blue"], ["depth"], axis=1)


def written(
    path: Path, *nodes: NodeProto, kind: int = TensorProto.FLOAT, outputs: tuple[str, ...] = ("depth",),
    side: tuple[str | int, str | int] = ("height", "width"),
) -> Path:  # fmt: skip
    """Write a network of these nodes that takes pictures of that side, in numbers of that kind."""
    given = helper.make_tensor_value_info("pixel_values", kind, [1, 3, *side])
    told = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
    graph = helper.make_graph([*nodes], "depth", [given], told, [BLUE])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def picture() -> Image.Image:
    """From black at the left to blue at the right."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[..., 2] = np.linspace(0, 255, 60)
    return Image.fromarray(pixels)


def test_a_network_of_one_size_is_given_that_size(tmp_path: Path) -> None:
    near = Network(written(tmp_path / "a.onnx", READS, side=(64, 96)), 1).nearness(picture())
    assert near.shape == (64, 96)
    assert near[:, 0].max() <= 0.05 and near[:, -1].min() >= 0.95


@pytest.mark.parametrize("way", ["half", "two"])
def test_a_network_with_other_inputs_or_outputs_is_refused_when_it_is_loaded(way: str, tmp_path: Path) -> None:
    # Given the export in half precision, or one that tells more
    if way == "half":
        file = written(tmp_path / "a.onnx", READS, kind=TensorProto.FLOAT16)
    else:
        also = helper.make_node("Identity", ["pixel_values"], ["also"])
        file = written(tmp_path / "a.onnx", READS, also, outputs=("depth", "also"))
    # Then no photo has to fail for it to be known
    with pytest.raises(RenderError, match="other inputs or outputs than Depth Anything V2") as caught:
        Network(file, 1)
    assert caught.value.code == "model_unavailable"


@pytest.mark.parametrize(
    ("node", "told"),
    [
        (helper.make_node("Log", ["of"], ["depth"]), "what is no number"),
        (helper.make_node("Concat", ["of", "of"], ["depth"], axis=1), r"gave \(1, 1036, 784\) for 784x518"),
    ],
)
def test_what_a_network_tells_that_is_no_depth_makes_no_frames(node: NodeProto, told: str, tmp_path: Path) -> None:
    reads = helper.make_node("Gather", ["pixel_values", "blue"], ["of"], axis=1)
    network = Network(written(tmp_path / "a.onnx", reads, node), 1)
    with pytest.raises(RenderError, match=told) as caught:
        network.nearness(picture())
    assert caught.value.code == "render_failed"
