"""``python -m tests.benchmarks.nearness``: how near int8 is to float, next to onnxruntime's int8.

Models of ``tests.benchmarks.public_models`` are quantised by this project and by onnxruntime's own
quantiser with the same crops of mvtb-data's photos. On other crops the ratio of signal to noise
counts all values of all outputs. What this project quantises runs on the simulator; the rest in
onnxruntime without optimisations.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from compiler import driver
from compiler.cache_folder import cache_root
from compiler.codegen.program import image, mapping
from compiler.frontend.onnx.normalise.opsets import PER_CHANNEL, converted, opset
from compiler.ir.graph import Graph
from compiler.load import float_model
from golden.declared import declared_shape, from_declared, to_declared
from hw.spec.config import preset
from sim.host_golden import model_compute
from sim.program_reader import program_of
from sim.simulation import simulate_batch
from tests.benchmarks.accuracy import onnx_outputs, quantised, quantised_by_onnxruntime
from tests.benchmarks.measure import print_command
from tests.benchmarks.public_models.files import model_file
from tests.benchmarks.public_models.packaged import PACKAGED
from tests.support.float_networks import photo_crops

CALIBRATION, JUDGED = 16, 8
_SEED = 0

#: Real values of black and white, by model; others want a mean of 0 and a variance of about 1.
PIXELS = {
    **dict.fromkeys(
        ("blazeface_front", "blazeface_back", "blazeface_full_range", "pp_ocr_v2_direction"),
        (-1.0, 1.0),
    ),
    **dict.fromkeys(
        ("face_landmark", "iris_landmark", "hand_landmark_lite", "nudenet_yolov8n"), (0.0, 1.0)
    ),
}
_OTHERS = (-2.0, 2.4)

DEFAULT = (
    "squeezenet1_1",
    "mobilenet_v3_small",
    "regnetx_002",
    "ghostnet_050",
    "blazeface_front",
    "face_landmark",
    "iris_landmark",
    "hand_landmark_lite",
    "pp_ocr_v2_direction",
    "nudenet_yolov8n",
)
"""Six trained networks, and four definitions with random weights."""

Outputs = list[np.ndarray]


def main() -> int:
    """Print the table: 0."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: {', '.join(DEFAULT)}")
    parser.add_argument("--python", metavar="FILE", default=sys.executable)
    parser.add_argument(
        "--folder", metavar="DIR", type=Path, default=cache_root() / "public_models"
    )
    arguments = parser.parse_args()
    print_command()
    print(f"{'model':24} {'this project':>14} {'onnxruntime':>14}")
    for name in arguments.names or DEFAULT:
        path = model_file(name, arguments.folder, arguments.python)
        ours, theirs = nearness(name, path)
        print(f"{name:24} {ours:>11.1f} dB {theirs:>11.1f} dB", flush=True)
    return 0


def nearness(name: str, path: Path) -> tuple[float, float]:
    """The ratios of signal to noise in dB, by this project and by onnxruntime, of a float model."""
    shapes = PACKAGED[name].shapes if name in PACKAGED else {}
    model = float_model(path, shapes)
    assert model is not None, f"{name} is not float"
    # Scales per channel, which onnxruntime's quantiser writes too, are in that set and later ones.
    if opset(model) < PER_CHANNEL:
        model = converted(model, PER_CHANNEL)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / f"{name}.onnx"
        plain.write_bytes(model.SerializeToString())
        graph_input = model.graph.input[0].type.tensor_type.shape.dim
        crops = pictures(name, [d.dim_value for d in graph_input])
        calibration, judged = crops[:CALIBRATION], crops[CALIBRATION:]
        real, theirs = (
            onnx_outputs(data)
            for data in (plain.read_bytes(), quantised_by_onnxruntime(plain, calibration))
        )
        expected = [real(x[None]) for x in judged]
        ours = simulated(quantised(plain, calibration), judged)
        return ratio(ours, expected), ratio([theirs(x[None]) for x in judged], expected)


def pictures(name: str, shape: Sequence[int]) -> np.ndarray:
    """Crops as the model wants them, float32 ``[N, ...]``: of ``shape`` without its batch."""
    last = shape[-1] in (1, 3)
    height, width = shape[1:3] if last else shape[2:4]
    crops = photo_crops(CALIBRATION + JUDGED, _SEED)
    sized = np.stack([np.asarray(Image.fromarray(crop).resize((width, height))) for crop in crops])
    if shape[-1 if last else 1] == 1:
        sized = sized.mean(-1, keepdims=True)
    low, high = PIXELS.get(name, _OTHERS)
    real = (low + (high - low) * (sized / 255)).astype(np.float32)
    return real if last else np.ascontiguousarray(real.transpose(0, 3, 1, 2))


def simulated(graph: Graph, inputs: np.ndarray) -> list[Outputs]:
    """The outputs of the simulator for each input, as the model has them."""
    compiled = driver.compile(graph, preset("edge256"))
    program = program_of(Path(), np.frombuffer(image(compiled), np.uint8), mapping(compiled))
    form, (name,) = graph.to_dict(), graph.inputs
    tensors = form["tensors"]
    shape = declared_shape(tensors[name])
    batch = [{name: from_declared(x.reshape(shape), tensors[name])} for x in inputs]
    results = simulate_batch(program, batch, compute=model_compute(form))
    return [
        [to_declared(found.tensors[name], tensors[name]) for name in graph.outputs]
        for found in results
    ]


def ratio(found: list[Outputs], expected: list[Outputs]) -> float:
    """The signal of all values beside the noise on them, in dB."""
    ours, theirs = (
        np.concatenate([np.ravel(array) for outputs in runs for array in outputs]).astype(float)
        for runs in (found, expected)
    )
    return float(10 * np.log10(np.square(theirs).sum() / np.square(ours - theirs).sum()))


if __name__ == "__main__":
    raise SystemExit(main())
