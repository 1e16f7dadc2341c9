"""A float network quantised with given samples, mapped, and run on the simulator's values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from compiler.assets import imagenet_pictures
from compiler.load import load_model
from compiler.mapping import map_graph
from compiler.options import CompilerOptions
from golden.declared import from_declared, to_declared
from hw.spec.config import preset
from sim.host_golden import host_compute
from sim.program_reader import (
    Program,
    read_program,
)
from sim.progress import reporting
from sim.simulation import simulate

PRESET = "edge256"


def open_picture(path: Path) -> Image.Image:
    """A picture in RGB."""
    return Image.open(path).convert("RGB")


def as_input(picture: Image.Image, size: int) -> np.ndarray:
    """The whole picture at ``size`` x ``size``, ``[1, size, size, 3]`` from -1 to 1."""
    resized = picture.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32)[None] / 127.5 - 1.0


def photos() -> list[Image.Image]:
    """The centre squares of foolbox's twenty photos, which no example judges."""
    return [_square(open_picture(path)) for path, _ in imagenet_pictures()]


def prepare(model: Path, samples: Sequence[np.ndarray], folder: Path) -> Program:
    """Quantise a float model with samples as it declares its input, and map it into ``folder``."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    calibration = folder.with_name(f"{folder.name}_calibration.npy")
    np.save(calibration, np.concatenate(samples))
    graph = load_model(model, calibration)
    map_graph(graph, preset(PRESET), CompilerOptions(), folder, quiet=False)
    return read_program(folder)


def run(program: Program, x: np.ndarray) -> dict[str, np.ndarray]:
    """The outputs by name as the model declares them, by the simulator's values of the machine."""
    tensors = program.graph["tensors"]
    (source,) = program.graph["inputs"]
    with reporting(f"simulating {program.network}") as progress:
        result = simulate(
            program,
            {source: from_declared(x, tensors[source])},
            progress=progress,
            compute=host_compute(program),
        )
    return {
        name: to_declared(result.tensors[name], tensors[name]) for name in program.graph["outputs"]
    }


def _square(picture: Image.Image) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))
