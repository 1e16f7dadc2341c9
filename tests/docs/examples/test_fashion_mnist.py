"""The trained example: its network, how it maps, and its accuracy."""

import itertools
import math
import os

import numpy as np
import pytest
import torch

from compiler.codegen.program import write
from compiler.driver import compile
from compiler.ir.counts import macs, parameters
from compiler.load import load_model
from compiler.options import CompilerOptions
from docs.examples.bsconv import (
    IMAGENET_STRIDES,
    SMALL_STRIDES,
    bsconv_u_mobilenet_v1,
    export,
    regular_mobilenet_v1,
)
from docs.examples.evaluate_fashion_mnist import (
    TEST_PICTURES,
    equals_golden,
    evaluate,
    stored_inputs,
)
from docs.examples.evaluate_fashion_mnist import main as evaluate_main
from docs.examples.fashion_mnist import (
    CALIBRATION,
    CLASSES,
    MEAN,
    MODEL,
    SIZE,
    STD,
    prepare,
)
from docs.examples.rewrite_fashion_mnist import main as rewrite_main
from docs.examples.train_fashion_mnist import main as train_main
from hw.spec.config import preset
from sim.program_reader import read_program

BIASES = 2984
"""Output channels of convolutions without a bias: each has one in the quantised model."""


def counts(network, size):
    """MACs and parameters of the convolutions, as PyTorch computes them for one picture."""
    convs = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    found = []

    def add(conv, _, out):
        found.append(out.numel() * math.prod(conv.weight.shape[1:]))

    for conv in convs:
        conv.register_forward_hook(add)
    network.eval()(torch.zeros(1, 3, size, size))
    return sum(found), sum(p.numel() for conv in convs for p in conv.parameters())


def test_the_definition_has_the_counts_of_the_paper_s_code():
    small = counts(bsconv_u_mobilenet_v1(CLASSES, SMALL_STRIDES), SIZE)
    assert small == (4_278_784, 212_402)
    large, _ = counts(bsconv_u_mobilenet_v1(1000, IMAGENET_STRIDES), 224)
    assert round(large / 1e6, 2) == 62.05


def test_pictures_get_a_black_border_and_three_equal_channels(seed):
    pictures = np.random.default_rng(seed).integers(0, 256, (3, 28, 28), np.uint8)
    inputs = prepare(pictures)
    assert inputs.shape == (3, 3, SIZE, SIZE) and inputs.dtype == np.float32
    real = torch.nn.functional.pad(torch.from_numpy(pictures) / 255, (2, 2, 2, 2))
    for channel in range(3):
        np.testing.assert_allclose(inputs[:, channel], (real.numpy() - MEAN) / STD, atol=1e-6)


def test_an_untrained_network_is_golden_s_on_the_simulator(seed, tmp_path):
    torch.manual_seed(seed)
    network = bsconv_u_mobilenet_v1(CLASSES, SMALL_STRIDES)
    pictures = np.random.default_rng(seed).integers(0, 256, (2, 28, 28), np.uint8)
    inputs = prepare(pictures)
    export(network, SIZE, tmp_path / MODEL)
    np.save(tmp_path / CALIBRATION, inputs)
    graph = load_model(tmp_path / MODEL, tmp_path / CALIBRATION)
    expected, weights = counts(network, SIZE)
    assert sum(macs(graph).values()) == expected
    assert parameters(graph) == weights + BIASES
    for materialize in (False, True):
        compiled = compile(graph, preset("tiny"), CompilerOptions(materialize))
        program = read_program(write(compiled, tmp_path / str(materialize)))
        assert not any(segment.host for segment in program.segments)
        assert equals_golden(graph, program, stored_inputs(graph, inputs)[0])


def test_the_regular_form_has_three_by_threes_where_the_other_has_pairs():
    """Weights of the stem, the 3x3 layers and the classifier."""
    pairs = [8, 16, 32, 32, 64, 64, *[128] * 6, 256, 256]
    weights = 3 * 8 * 9 + sum(9 * a * b for a, b in itertools.pairwise(pairs)) + 2570
    assert counts(regular_mobilenet_v1(CLASSES, SMALL_STRIDES), SIZE)[1] == weights


@pytest.mark.full
def test_a_rewritten_network_keeps_the_cycles_and_learns(tmp_path, monkeypatch, capsys):
    """On pictures whose class is where they are bright."""
    torch.manual_seed(0)
    network = regular_mobilenet_v1(CLASSES, SMALL_STRIDES)
    labels = np.arange(256) % CLASSES
    pictures = np.zeros((256, 28, 28), np.uint8)
    for picture, label in zip(pictures, labels, strict=True):
        picture[:, 2 * label : 2 * label + 9] = 255
    monkeypatch.setattr("docs.examples.rewrite_fashion_mnist.load", lambda _: (pictures, labels))
    export(network, SIZE, tmp_path / MODEL)
    np.save(tmp_path / CALIBRATION, prepare(pictures[:4]))
    words = ["rewrite", str(tmp_path), "--epochs", "8", "--rules", "depthwise_svd=2"]
    monkeypatch.setattr("sys.argv", words)
    assert rewrite_main() == 0
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in capsys.readouterr().out.splitlines()[2:]
    ]
    assert [row[0] for row in rows] == ["(none)", "depthwise_svd=2", "channel_svd"]
    cycles = [int(row[3].replace(",", "")) for row in rows]
    assert cycles[2] <= cycles[1] < cycles[0]
    for row in rows[1:]:
        assert float(row[6].split()[0]) > float(row[5].split()[0])
        assert (tmp_path / row[0] / MODEL).is_file()


@pytest.mark.full
def test_int8_is_as_accurate_as_float(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train_fashion_mnist", "-o", str(tmp_path)])
    assert train_main() == 0
    scores = evaluate(tmp_path, preset("edge1024"), TEST_PICTURES, 20, os.cpu_count())
    with capsys.disabled():
        print(f"\n{scores}")
    assert scores.exact == scores.checked
    assert scores.float_right >= 0.89 * scores.pictures
    assert abs(scores.int8_right - scores.float_right) <= 0.003 * scores.pictures


def test_a_folder_without_a_network_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["evaluate", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        evaluate_main()
    assert stopped.value.code == 2
    assert f"{tmp_path / MODEL}: no such file" in capsys.readouterr().err
