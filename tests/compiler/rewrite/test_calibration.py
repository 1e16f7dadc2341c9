"""Depthwise decomposition on calibration data reconstructs responses, not weights."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from compiler.frontend.onnx import parse_onnx
from compiler.rewrite.apply import apply
from compiler.rewrite.calibration import Calibration
from compiler.rewrite.chain import loss_of
from compiler.rewrite.channel import channel_svd
from compiler.rewrite.layer import Layer
from compiler.rewrite.onnx_network import OnnxNetwork
from compiler.rewrite.rules import wanted
from tests.support.float_onnx import FloatNet
from tests.support.onnx_builder import run_onnx

PAIR = 6


MODELS = 8
"""Random models that a comparison of errors adds up: a single one may be an exception."""


def pair(generator):
    """Two convolutions, of which the second reads six channels and makes two."""
    net = FloatNet(generator)
    x = net.input(1, 4, 10, 10, name="x")
    y = net.node("Relu", net.conv(x, 4, PAIR, 3, normalised=False))
    net.output(net.conv(y, PAIR, 2, 3, normalised=False))
    return net.bytes()


def smooth(generator, count):
    """Maps in which neighbours are alike, as in pictures."""
    maps = generator.normal(size=(count, 1, 4, 13, 13))
    return sum(maps[..., i : i + 10, j : j + 10] for i in range(4) for j in range(4)) / 4


def error(model, folder, rule, inputs, samples, calibration=Calibration):
    """The mean square error of the model after the rule over inputs, and its network."""
    network = OnnxNetwork(parse_onnx(model, folder))
    data = None if samples is None else calibration(network, [{"x": s} for s in samples])
    apply(network, [wanted(rule)], data)
    new = network.model.SerializeToString()
    outputs = [
        np.concatenate([run_onnx(each, {"x": x})[0] for x in inputs]) for each in (model, new)
    ]
    return float(np.square(outputs[1] - outputs[0]).mean()), network


def errors(generator, folder, rule, absent=()):
    """The errors without and with calibration, summed over random models, on other inputs."""
    total = np.zeros(2)
    for _ in range(MODELS):
        model = pair(generator)
        samples, others = (smooth(generator, n).astype(np.float32) for n in (24, 8))
        for maps in (samples, others):
            maps[:, :, list(absent)] = 0
        total += [error(model, folder, rule, others, data)[0] for data in (None, samples)]
    return total


@pytest.mark.parametrize("rule", ["depthwise_svd@*", "depthwise_svd=2@*"])
def test_calibrated_layers_are_nearer_on_inputs_that_were_not_seen(rule, generator, tmp_path):
    plain, calibrated = errors(generator, tmp_path, rule)
    assert calibrated < 0.9 * plain


class Patches:
    """Moments of given patches."""

    def __init__(self, patches):
        self._patches = patches

    def patches(self, layer):
        return self._patches

    def given(self, layer):
        return self._patches

    def following(self, layer):
        return None


def test_channel_decomposition_keeps_the_principal_components_of_the_responses(generator):
    """What is lost are the smallest singular values of the responses (arXiv 1505.06798)."""
    values, patches = generator.normal(size=(8, 3, 3, 3)), generator.normal(size=(200, 3, 9))
    patches *= 0.5 ** np.arange(9)
    layer, data = Layer("layer", values.shape, values=values), Patches(patches)
    sizes = np.linalg.svd(patches.reshape(200, -1) @ values.reshape(8, -1).T, compute_uv=False)
    for rank in (1, 3, 7):
        chain = channel_svd(layer, rank, data)
        assert [each.outputs for each in chain.layers] == [rank, 8]
        lost = np.square(sizes[rank:]).sum() / np.square(sizes).sum()
        assert loss_of(layer, chain.values, data) == pytest.approx(lost)
        assert lost < loss_of(layer, channel_svd(layer, rank, None).values, data)


def test_at_full_rank_the_fit_is_the_layer(generator, tmp_path):
    samples = smooth(generator, 24).astype(np.float32)
    rule = "depthwise_svd=1.0@*"
    found, network = error(pair(generator), tmp_path, rule, samples[:2], samples)
    assert [layer.groups for layer in network.layers()] == [4, 1, PAIR, 1]
    assert found < 1e-6
    onnx.checker.check_model(network.model, full_check=True)


def test_a_channel_that_is_never_there_is_no_fault(generator, tmp_path):
    plain, calibrated = errors(generator, tmp_path, "depthwise_svd@*", absent=[1])
    assert calibrated < plain


def deep(generator):
    """Four regular convolutions with activations between."""
    net = FloatNet(generator)
    x = net.input(1, 4, 10, 10, name="x")
    for inputs, outputs in ((4, PAIR), (PAIR, PAIR), (PAIR, PAIR)):
        x = net.node("Relu", net.conv(x, inputs, outputs, 3, normalised=False))
    net.output(net.conv(x, PAIR, 2, 3, normalised=False))
    return net.bytes()


@pytest.mark.parametrize("rule", ["depthwise_svd=2@*", "channel_svd=0.5@*"])
def test_layers_make_up_for_what_the_layers_before_lost(generator, tmp_path, rule):
    """All layers changed at once are nearer than each one changed for what it was given before."""
    apart, together = 0.0, 0.0
    for _ in range(MODELS):
        model = deep(generator)
        samples, others = (smooth(generator, n).astype(np.float32) for n in (24, 8))
        together += error(model, tmp_path, rule, others, samples)[0]
        apart += error(model, tmp_path, rule, others, samples, Alone)[0]
    assert together < apart


class Alone(Calibration):
    """Calibration that knows of no change."""

    def on(self, changed):
        return self
