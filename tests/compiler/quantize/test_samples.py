"""Calibration samples: files that fit the model, and those that do not."""

import numpy as np
import pytest

from compiler.errors import InputError
from compiler.frontend.onnx import parse_onnx
from compiler.quantize.samples import read_samples
from tests.support.float_onnx import mobile_net
from tests.support.npy_headers import HOSTILE_HEADERS
from tests.support.onnx_builder import OnnxBuilder

CALIBRATIONS = {
    "integers": (np.zeros((2, 3, 16, 16), np.uint8), "type uint8; one float array"),
    "channels last": (np.zeros((2, 16, 16, 3), np.float32), r"\[N, 3, 16, 16\] is accepted"),
    "none": (np.zeros((0, 3, 16, 16), np.float32), r"shape \[0, 3, 16, 16\]"),
    "not finite": (np.full((1, 3, 16, 16), np.inf, np.float32), "not finite"),
}


@pytest.mark.parametrize("case", CALIBRATIONS)
def test_calibration_that_does_not_fit(tmp_path, generator, case):
    array, message = CALIBRATIONS[case]
    model = parse_onnx(mobile_net(generator).bytes(), tmp_path)
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(InputError, match=f"calibration .*x.npy: .*{message}"):
        read_samples(model, tmp_path / "x.npy")


@pytest.mark.parametrize("header", HOSTILE_HEADERS)
def test_calibration_with_a_hostile_header(tmp_path, generator, header):
    model = parse_onnx(mobile_net(generator).bytes(), tmp_path)
    (tmp_path / "x.npy").write_bytes(HOSTILE_HEADERS[header])
    with pytest.raises(InputError, match=r"calibration .*x.npy: (not a .npy file|type|shape)"):
        read_samples(model, tmp_path / "x.npy")


def test_calibration_files(tmp_path, generator):
    model = parse_onnx(mobile_net(generator).bytes(), tmp_path)
    with pytest.raises(InputError, match=r"no .npy file"):
        read_samples(model, tmp_path)
    (tmp_path / "bad.npy").write_bytes(b"text")
    with pytest.raises(InputError, match=r"bad.npy: not a .npy file"):
        read_samples(model, tmp_path)
    (tmp_path / "bad.npy").unlink()
    arrays = generator.normal(size=(3, 3, 16, 16)).astype(np.float32)
    np.save(tmp_path / "b.npy", arrays[1:])
    np.save(tmp_path / "a.npy", arrays[:1])
    samples = read_samples(model, tmp_path)
    np.testing.assert_array_equal(np.concatenate([s["image"] for s in samples]), arrays)


def _two_inputs():
    net = OnnxBuilder(17)
    net.output(net.node("Add", net.input(1, 3, 4, 4, name="a"), net.input(1, 3, 4, 4, name="b/x")))
    return parse_onnx(net.bytes(), None)


def test_several_inputs(tmp_path, generator):
    """A .npz by name, or a folder with a file for each input."""
    arrays = {n: generator.normal(size=(5, 3, 4, 4)).astype(np.float32) for n in ("a", "b/x")}
    np.savez(tmp_path / "both.npz", **arrays)
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "folder" / "a.npy", arrays["a"])
    np.save(tmp_path / "folder" / "b_x.npy", arrays["b/x"])
    for path in ("both.npz", "folder"):
        samples = read_samples(_two_inputs(), tmp_path / path)
        for name, array in arrays.items():
            np.testing.assert_array_equal(np.concatenate([s[name] for s in samples]), array)


def test_several_inputs_that_do_not_fit(tmp_path):
    zeros = np.zeros((5, 3, 4, 4), np.float32)
    np.save(tmp_path / "x.npy", zeros)
    with pytest.raises(InputError, match=r"x.npy for a model of 2 inputs; a .npz with"):
        read_samples(_two_inputs(), tmp_path / "x.npy")
    np.savez(tmp_path / "x.npz", a=zeros)
    with pytest.raises(InputError, match=r"x.npz: no array 'b/x'; one for each input"):
        read_samples(_two_inputs(), tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", **{"a": zeros, "b/x": zeros[:2]})
    with pytest.raises(InputError, match=r"x.npz: .*'a': 5.* samples; as many for each"):
        read_samples(_two_inputs(), tmp_path / "x.npz")
    (tmp_path / "x.npz").write_bytes(b"text")
    with pytest.raises(InputError, match=r"x.npz: not a .npz file"):
        read_samples(_two_inputs(), tmp_path / "x.npz")
    with pytest.raises(InputError, match=r"a.npy: No such file"):
        read_samples(_two_inputs(), tmp_path)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_of_integers(tmp_path, generator, dtype):
    net = OnnxBuilder(17)
    net.output(net.node("Cast", net.input(1, 3, 4, 4, name="x", dtype="uint8"), to=1))
    model, images = parse_onnx(net.bytes(), None), generator.integers(0, 256, (5, 3, 4, 4))
    np.save(tmp_path / "x.npy", images.astype(dtype))
    samples = read_samples(model, tmp_path / "x.npy")
    assert all(s["x"].dtype == np.uint8 for s in samples)
    np.testing.assert_array_equal(np.concatenate([s["x"] for s in samples]), images)
    np.save(tmp_path / "x.npy", images.astype(np.float32) - 200)
    with pytest.raises(InputError, match=r"values from -\d+ to \d+; those of uint8 are accepted"):
        read_samples(model, tmp_path / "x.npy")
