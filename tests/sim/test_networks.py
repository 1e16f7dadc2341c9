"""Built-in networks on the simulator: golden's values, and cycles worth quoting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compiler import zoo
from compiler.codegen.compiled import Compiled
from compiler.codegen.program import image, mapping
from compiler.driver import compile
from compiler.ir.randomize import randomize
from golden.network import run
from hw.spec.config import preset
from sim.program_reader import (
    Program,
    program_of,
)
from sim.simulation import (
    run_timing,
    run_values,
)

#: Least utilisation of the networks on edge256.
UTILISATION = {
    "bsconv_u_mobilenet_v1": 0.94,
    "bsconv_u_mobilenet_v1_025": 0.80,
    "inception_v1": 0.97,
    "inception_v2": 0.94,
    "inception_v3": 0.95,
    "mobilenet_v1_025_dw5x5": 0.74,
    "mobilenet_v1_050": 0.91,
    "mobilenet_v1_075": 0.94,
    "resnet18": 0.98,
    "resnet50": 0.88,
    "squeezenet_1_1": 0.96,
}

full = pytest.mark.full


def mapped(name: str, config: str) -> tuple[Compiled, Program]:
    compiled = compile(randomize(zoo.build(name)), preset(config))
    memory = np.frombuffer(image(compiled), np.uint8)
    return compiled, program_of(Path(), memory, mapping(compiled))


@pytest.mark.parametrize(
    ("name", "config"),
    (
        ("squeezenet_1_1", "edge256"),
        *(
            pytest.param(*case, marks=full)
            for case in (
                ("squeezenet_1_1", "tiny"),
                ("inception_v1", "edge256"),
                ("inception_v1", "edge1024"),
                ("inception_v2", "edge512"),
                ("inception_v3", "edge256"),
                ("resnet18", "edge256"),
                ("bsconv_u_mobilenet_v1_025", "ecp5"),
                ("mobilenet_v1_025_dw5x5", "edge256"),
            )
        ),
    ),
)
def test_the_values_are_golden_s(name, config, seed):
    compiled, program = mapped(name, config)
    graph = compiled.graph
    shape = graph.tensors["input"].shape
    picture = np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)
    tensors = program.tensors(run_values(program, {"input": picture}))
    expected = run(graph.to_dict(), {"input": picture}, keep=True)
    assert set(program.places) >= {"input", *graph.outputs}
    for tensor, found in tensors.items():
        np.testing.assert_array_equal(found, expected[tensor], err_msg=tensor)


@full
@pytest.mark.parametrize("name", UTILISATION)
def test_utilisation(name):
    compiled, program = mapped(name, "edge256")
    cycles = run_timing(program).cycles
    assert program.macs / (program.config.mac_units * cycles) > UTILISATION[name]
    assert compiled.segments[0].plan.modelled_cycles == pytest.approx(cycles, rel=0.015)
    assert not any(layer.kind == "concatenation" for layer in compiled.network.ops)
