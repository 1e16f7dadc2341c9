import numpy as np
import pytest

from sim.values.tensors import Place


@pytest.mark.parametrize("shape", [(1, 3, 5, 7), (1, 3, 5, 8), (1, 1, 1, 3), (2, 9)])
def test_blocked_tensors_come_back_as_they_were_put(shape):
    values = np.random.default_rng(0).integers(-128, 128, shape, np.int8)
    memory = np.zeros(4096, np.uint8)
    place = Place(shape, "int8", 64, channels=shape[-1], plane_bytes=256)
    place.write(memory, values, cols=4)
    np.testing.assert_array_equal(place.read(memory, cols=4), values)
    pixels = values.view(np.uint8).reshape(-1, shape[-1])
    for pixel, channel in np.ndindex(*pixels.shape):
        word = 64 + 256 * (channel // 4) + 4 * pixel
        assert memory[word + channel % 4] == pixels[pixel, channel]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_plain_tensors_are_the_models_bytes(dtype):
    values = np.random.default_rng(0).integers(0, 100, (1, 2, 3, 4)).astype(dtype)
    memory = np.zeros(256, np.uint8)
    place = Place(values.shape, dtype, 17)
    place.write(memory, values, cols=4)
    assert memory[17 : 17 + values.nbytes].tobytes() == values.tobytes()
    np.testing.assert_array_equal(place.read(memory, cols=4), values)
