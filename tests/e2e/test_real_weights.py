"""Float networks with their published weights, quantised and run whole on the RTL of edge256."""

import json
from pathlib import Path

import numpy as np
import pytest

from compiler.assets import deeplab_path, scikit_pictures
from compiler.load import load_model
from compiler.mapping import map_graph
from compiler.options import CompilerOptions
from docs.examples import segment
from docs.examples.quantised import (
    as_input,
    open_picture,
    photos,
)
from hw.command_line import main as hw_main
from hw.spec.config import preset
from sim.command_line import main as sim_main
from tests.support.assets import imagenet_pictures, load_picture
from tests.support.float_networks import NETWORKS, photo_crops

pytestmark = [pytest.mark.full, pytest.mark.xdist_group("accelerator_edge256")]

CROPS = 32


def on_the_rtl(model: Path, samples: np.ndarray, x: np.ndarray, folder: Path, capsys) -> np.ndarray:
    """The output of the RTL, whose stored tensors were golden's and whose times the simulator's."""
    np.save(folder / "samples.npy", samples)
    np.save(folder / "x.npy", x)
    graph = load_model(model, folder / "samples.npy")
    map_graph(graph, preset("edge256"), CompilerOptions(), folder / "mapped", quiet=True)
    answers = []
    for main, command in ((sim_main, "run"), (hw_main, "cosim")):
        y = folder / f"{command}.npy"
        options = ["--input", str(folder / "x.npy"), "--output", str(y), "--json"]
        assert main([command, str(folder / "mapped"), *options]) == 0
        answers.append((json.loads(capsys.readouterr().out), np.load(y)))
    (simulated, expected), (found, output) = answers
    found.pop("cycles_per_second")
    assert found == simulated
    np.testing.assert_array_equal(output, expected)
    return output


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_mobilenet_v2(tmp_path, capsys):
    network = NETWORKS["mobilenet_v2"]
    model = tmp_path / "mobilenet_v2.onnx"
    model.write_bytes(network.onnx())
    path, label = imagenet_pictures()[0]
    samples = network.pixels(photo_crops(CROPS, 0))
    logits = on_the_rtl(model, samples, network.pixels(load_picture(path)), tmp_path, capsys)
    assert logits.argmax() == label


def test_deeplab(tmp_path, capsys):
    """95 % of the pixels have the float network's class."""
    samples = np.concatenate([as_input(photo, segment.SIZE) for photo in photos()])
    x = as_input(open_picture(scikit_pictures()["chelsea"]), segment.SIZE)
    found = on_the_rtl(deeplab_path(), samples, x, tmp_path, capsys)
    expected = segment.float_classes(deeplab_path(), x)
    assert (found[0].argmax(axis=-1) == expected).mean() > 0.95
