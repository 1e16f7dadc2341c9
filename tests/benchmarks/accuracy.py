"""``python -m tests.benchmarks.accuracy``: what quantisation leaves of two networks' answers.

``labelled``: right answers on foolbox's 20 pictures. ``agreement``: the share of crops of
mvtb-data's photos whose answer is the float model's; other crops of these photos calibrate. What
this project quantises runs on the simulator, whose bits are golden's; the rest in onnxruntime.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from compiler import driver
from compiler.codegen.program import image, mapping
from compiler.frontend.onnx import parse_onnx
from compiler.ir.graph import Graph
from compiler.load import load_model
from compiler.quantize.runtime import folded
from golden.declared import from_declared, to_declared
from hw.spec.config import preset
from sim.program_reader import program_of
from sim.simulation import run_values
from tests.benchmarks.measure import print_command
from tests.support.assets import imagenet_pictures, load_picture
from tests.support.float_networks import NETWORKS, FloatNetwork, photo_crops

CALIBRATION = 64
_SEED = 0

#: Real input ``[1, 3, height, width]`` to logits ``[1, 1000]``.
Classifier = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Pictures:
    """Inputs of one network, float32 ``[N, 3, height, width]``, and the labels of some."""

    calibration: np.ndarray
    crops: np.ndarray
    labelled: np.ndarray
    labels: np.ndarray


def main() -> int:
    """Print the table: 0."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--crops", type=int, default=300, metavar="N", help="default: 300")
    parser.add_argument("--preset", default="edge256", help="default: edge256")
    arguments = parser.parse_args()
    print_command()
    rows = []
    for name in arguments.networks or NETWORKS:
        if name not in NETWORKS:
            parser.error(f"network {name!r}; {', '.join(NETWORKS)} are accepted")
        network = NETWORKS[name]
        rows += _measure(name, network, _pictures(network, arguments.crops), arguments.preset)
    for row in [("network", "int8 by", "labelled", "agreement", "SQNR", "quantised in"), *rows]:
        print("{:20} {:22} {:>9} {:>10} {:>8} {:>13}".format(*row))
    return 0


def _pictures(network: FloatNetwork, crops: int) -> Pictures:
    photos = network.pixels(photo_crops(CALIBRATION + crops, _SEED))
    pictures = imagenet_pictures()
    return Pictures(
        photos[:CALIBRATION],
        photos[CALIBRATION:],
        network.pixels(np.concatenate([load_picture(path) for path, _ in pictures])),
        np.array([label for _, label in pictures]),
    )


def _measure(
    name: str, network: FloatNetwork, pictures: Pictures, preset_name: str
) -> list[tuple[str, ...]]:
    """A row for the float model and one for each way to quantise it."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        path.write_bytes(network.onnx())
        real = onnx_classifier(path.read_bytes())
        expected = _logits(real, pictures.crops)
        hits = _hits(real, pictures)
        rows.append((name, "(float)", hits, "", "", ""))
        for way, quantise, classifier_of in (
            ("this project", quantised, partial(simulated, preset_name=preset_name)),
            ("onnxruntime, min-max", quantised_by_onnxruntime, onnx_classifier),
        ):
            start = time.perf_counter()
            model = quantise(path, pictures.calibration)
            seconds = time.perf_counter() - start
            classifier = classifier_of(model)
            found = _logits(classifier, pictures.crops)
            agreement = (found.argmax(1) == expected.argmax(1)).mean()
            noise = np.square(found - expected).sum() / np.square(expected).sum()
            rows.append(
                (
                    name,
                    way,
                    _hits(classifier, pictures),
                    f"{agreement:.1%}",
                    f"{-10 * np.log10(noise):.1f} dB",
                    f"{seconds:.0f} s",
                )
            )
    return rows


def _logits(classifier: Classifier, inputs: np.ndarray) -> np.ndarray:
    return np.concatenate([classifier(x[None]) for x in inputs])


def _hits(classifier: Classifier, pictures: Pictures) -> str:
    right = _logits(classifier, pictures.labelled).argmax(1) == pictures.labels
    return f"{right.sum()}/{right.size}"


def onnx_classifier(model: bytes) -> Classifier:
    """The first output of ``onnx_outputs``."""
    outputs = onnx_outputs(model)
    return lambda x: outputs(x)[0]


def onnx_outputs(model: bytes) -> Callable[[np.ndarray], list[np.ndarray]]:
    """The outputs for one input, by onnxruntime without optimisations.

    With them it computes whole quantised layers with kernels of its own, whose results are up to
    6 dB further off on processors without int8 dot products.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    return lambda x: list(session.run(None, {image.name: x}))


def quantised(path: Path, calibration: np.ndarray) -> Graph:
    """The float model quantised by this project."""
    samples = path.with_suffix(".npy")
    np.save(samples, calibration)
    return load_model(path, samples)


def simulated(graph: Graph, preset_name: str) -> Classifier:
    """The simulator on the compiled network."""
    compiled = driver.compile(graph, preset(preset_name))
    memory = np.frombuffer(image(compiled), np.uint8)
    program = program_of(Path(), memory, mapping(compiled))
    tensors = graph.to_dict()["tensors"]
    (output,) = graph.outputs

    def classify(x: np.ndarray) -> np.ndarray:
        after = run_values(program, {"image": from_declared(x, tensors["image"])})
        return to_declared(program.tensors(after)[output], tensors[output])

    return classify


def quantised_by_onnxruntime(path: Path, calibration: np.ndarray) -> bytes:
    """onnxruntime's own quantiser: min-max ranges, int8, a scale per output channel."""
    plain, target = path.with_name("folded.onnx"), path.with_name("quantised.onnx")
    model = folded(parse_onnx(path.read_bytes(), path.parent))
    onnx.save(model, plain)
    quantize_static(
        plain,
        target,
        _Samples(model.graph.input[0].name, calibration),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
    )
    return target.read_bytes()


class _Samples(CalibrationDataReader):
    def __init__(self, name: str, inputs: np.ndarray) -> None:
        self._name, self._inputs = name, iter(inputs)

    def get_next(self) -> dict[str, np.ndarray] | None:
        found = next(self._inputs, None)
        return None if found is None else {self._name: found[None]}


if __name__ == "__main__":
    raise SystemExit(main())
