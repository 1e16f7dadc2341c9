"""Resizes of ONNX models: what is accepted reads what ONNX reads, and all else is refused."""

import re
from fractions import Fraction

import numpy as np
import pytest

from compiler.errors import UnsupportedError
from compiler.frontend.onnx import resize
from golden.resize import ONE, bilinear_taps, nearest_indices
from tests.support.onnx_builder import OnnxBuilder, as_declared, random_inputs, step_differences

QUANT = (0.05, 3)
MODES = ((False, False), (True, False), (False, True))


def model(shape, size=None, scales=None, **attrs):
    """A resize of a stored input."""
    net = OnnxBuilder()
    x = net.stored(net.input(*shape), *QUANT)
    how = ("", net.constant(np.float32(scales))) if size is None else ("", "", net.constant(size))
    net.output(net.stored(net.node("Resize", x, *how, **attrs), *QUANT))
    return net


def of_columns(old, new, mode, coordinates, **attrs):
    """A map of two rows whose columns are resized."""
    attrs = {"mode": mode, "coordinate_transformation_mode": coordinates, **attrs}
    return model((1, 3, 2, old), [1, 3, 2, new], **attrs)


def on_host(net, seed, reason):
    """The differences from onnxruntime, in steps, of a Resize that the host computes."""
    graph, differences = step_differences(net, np.random.default_rng(seed))
    (node,) = (n for n in graph.nodes if n.op == "host")
    assert re.match(f"Resize: {reason}", node.attrs["reason"])
    return differences


def near_ties(seed, old, new, coordinates):
    """Which of the values that ``on_host`` compares lie near the middle of two steps."""
    graph = of_columns(old, new, "linear", coordinates).graph()
    ((name, x),) = random_inputs(graph, np.random.default_rng(seed)).items()
    steps = as_declared(graph, name, x).astype(np.float64) / QUANT[0]
    places = {
        "asymmetric": lambda k: k * old / new,
        "half_pixel": lambda k: (k + 0.5) * old / new - 0.5,
        "pytorch_half_pixel": lambda k: (k + 0.5) * old / new - 0.5 if new > 1 else 0 * k,
        "align_corners": lambda k: k * (old - 1) / (new - 1),
    }[coordinates](np.arange(new)).clip(0, old - 1)
    left = np.floor(places).astype(int)
    right, weight = np.minimum(left + 1, old - 1), places - left
    values = steps[..., left] * (1 - weight) + steps[..., right] * weight
    return (np.abs(values % 1 - 0.5) < 0.002).reshape(-1)


def refused(net, message):
    with pytest.raises(UnsupportedError, match=rf"^node 'Resize_2' \(Resize\): {message}"):
        net.graph()


def test_what_the_reader_takes_the_graph_to_read(seed):
    generator = np.random.default_rng(seed)
    for old, new in generator.integers(1, 300, (200, 2)).tolist():
        for mode in MODES:
            pixels = nearest_indices(old, new, *mode).tolist()
            assert resize._graph_pixels(*mode, old, new) == pixels
            first, second, weight = (taps.tolist() for taps in bilinear_taps(old, new, *mode))
            places = [
                a + Fraction(w, ONE) * (b - a)
                for a, b, w in zip(first, second, weight, strict=True)
            ]
            assert resize._graph_places(*mode, old, new) == places


NEAREST = [
    (2, 82, "asymmetric", "floor"),
    (2, 47, "align_corners", "round_prefer_ceil"),
    (5, 8, "half_pixel", "round_prefer_ceil"),
    (14, 83, "half_pixel", "round_prefer_floor"),
    (9, 4, "pytorch_half_pixel", "round_prefer_floor"),
]


@pytest.mark.parametrize(("old", "new", "coordinates", "rounding"), NEAREST)
def test_nearest_pixels_are_those_of_onnxruntime(seed, old, new, coordinates, rounding):
    net = of_columns(old, new, "nearest", coordinates, nearest_mode=rounding)
    assert not step_differences(net, np.random.default_rng(seed))[1].any()


@pytest.mark.parametrize(
    ("old", "new", "coordinates", "rounding"),
    [
        (16, 94, "asymmetric", "floor"),
        (2, 83, "half_pixel", "round_prefer_ceil"),
        (14, 45, "align_corners", "round_prefer_ceil"),
    ],
)
def test_nearest_pixels_that_float32_rounds_away_are_the_hosts(
    seed, old, new, coordinates, rounding
):
    net = of_columns(old, new, "nearest", coordinates, nearest_mode=rounding)
    reason = rf".*'{rounding}' from \[2, {old}\] to \[2, {new}\] pixels; pixels as nearest"
    assert not on_host(net, seed, reason).any()


LINEAR = {
    "half_pixel": [(5, 10), (7, 56), (5, 8), (12, 11), (6, 9), (3, 9), (7, 28)],
    "asymmetric": [(12, 48), (5, 13), (19, 46), (9, 3), (3, 9)],
    "align_corners": [(5, 10), (33, 257), (12, 45), (5, 40), (3, 1)],
    "pytorch_half_pixel": [(7, 14), (8, 12)],
}


@pytest.mark.parametrize(
    ("coordinates", "old", "new"),
    [(coordinates, *pair) for coordinates, pairs in LINEAR.items() for pair in pairs],
)
def test_bilinear_is_one_step_off_at_most(seed, coordinates, old, new):
    net = of_columns(old, new, "linear", coordinates)
    assert np.abs(step_differences(net, np.random.default_rng(seed))[1]).max() <= 1


@pytest.mark.parametrize(
    ("coordinates", "old", "new", "off"),
    [
        ("half_pixel", 33, 257, "0.12"),
        ("half_pixel", 10, 30, "0.0098"),
        ("asymmetric", 3, 20, "0.0051"),
        ("align_corners", 56, 112, "0.042"),
        ("pytorch_half_pixel", 4, 1, "1.5"),
    ],
)
def test_bilinear_places_that_drift_are_the_hosts(seed, coordinates, old, new, off):
    differences = on_host(
        of_columns(old, new, "linear", coordinates),
        seed,
        rf"mode 'linear' and .*'{coordinates}' from \[2, {old}\] to \[2, {new}\] pixels: .* off by "
        f"up to {off} pixels; up to 1/256 is accepted",
    )
    # A sum of float32 next to a tie may take the other step.
    assert np.abs(differences).max() <= 1
    assert near_ties(seed, old, new, coordinates)[differences != 0].all()


def test_both_axes_drift_together(seed):
    """3 to 9 pixels is 3/1024 of a pixel off: accepted in one axis, not in two."""
    attrs = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    model((1, 4, 2, 3), [1, 4, 2, 9], **attrs).graph()
    net = model((1, 4, 3, 3), [1, 4, 9, 9], **attrs)
    on_host(net, seed, ".* off by up to 0.0059 pixels; up to 1/256 is accepted")


ASYMMETRIC = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


@pytest.mark.parametrize("scale", [1.3, 0.55, 0.3333333, 1.9999999, 0.99999])
def test_a_scale_that_is_no_ratio_of_pixels_is_the_hosts(seed, scale):
    reason = "scale .* of 6 pixels; a ratio of whole pixels that float32 does not round down is"
    net = model((1, 4, 6, 3), scales=[1, 1, scale, 1], **ASYMMETRIC)
    assert not on_host(net, seed, reason).any()


@pytest.mark.parametrize("scale", [5 / 6, np.nan])
def test_a_scale_of_which_float32_makes_another_size_is_refused(scale):
    """5 / 6 is less in float32: ONNX infers 4 pixels, onnxruntime makes 5."""
    message = "scale .* of 6 pixels; a ratio of whole pixels that float32 does not round down is"
    refused(model((1, 4, 6, 3), scales=[1, 1, scale, 1], **ASYMMETRIC), message)


@pytest.mark.parametrize(("scale", "rows"), [(1 / 3, 2), (2 / 3, 4), (2, 12)])
def test_a_scale_that_float32_rounds_is_the_ratio(scale, rows):
    graph = model((1, 4, 6, 3), scales=[1, 1, scale, 1], **ASYMMETRIC).graph()
    assert graph.nodes[0].attrs["size"] == (rows, 3)


@pytest.mark.parametrize("shape", [(1, 8), (1, 2, 3, 4, 5)])
def test_other_ranks_are_the_hosts(seed, shape):
    net = model(shape, scales=[1] * (len(shape) - 1) + [2])
    assert not on_host(net, seed, "").any()


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_a_crop_is_the_hosts(seed, mode):
    net = OnnxBuilder(22)
    x = net.stored(net.input(1, 3, 5, 6), *QUANT)
    roi = net.constant(np.float32([0, 0, 0.2, -0.3, 1, 1, 0.9, 0.8]))
    y = net.node(
        "Resize",
        x,
        roi,
        "",
        net.constant([1, 3, 4, 7]),
        coordinate_transformation_mode="tf_crop_and_resize",
        extrapolation_value=1.5,
        mode=mode,
    )
    net.output(net.stored(y, *QUANT))
    assert np.abs(on_host(net, seed, "coordinate_transformation_mode")).max() <= 1
