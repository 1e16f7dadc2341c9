import pytest

from compiler.errors import InputError, UnsupportedError
from compiler.load import load_model
from tests.compiler.frontend import raw_tflite


@pytest.mark.parametrize("name", ["model.json", "model.onnx", "model.tflite"])
def test_missing_file(tmp_path, name):
    with pytest.raises(InputError, match=rf"{name}: no such file"):
        load_model(tmp_path / name)


@pytest.mark.parametrize("name", ["model.json", "model.onnx", "model.tflite"])
def test_directory(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="not a regular file; a model file is accepted"):
        load_model(tmp_path / name)


@pytest.mark.parametrize("name", ["model.json", "model.onnx", "model.tflite"])
def test_empty_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="the file is empty"):
        load_model(tmp_path / name)


def test_name_with_null_byte():
    with pytest.raises(InputError, match="no such file"):
        load_model("model\0.json")


@pytest.mark.parametrize("name", ["model.h5", "model"])
def test_other_formats_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(UnsupportedError, match=r"accepted: \.json, \.onnx and \.tflite"):
        load_model(tmp_path / name)


def test_wrong_magic(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"\x1c\0\0\0ONNX" + bytes(64))
    with pytest.raises(InputError, match=r"not a TFLite model: identifier b'ONNX'; b'TFL3' is"):
        load_model(tmp_path / "model.tflite")


def test_message_begins_with_the_path_once(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"short")
    with pytest.raises(InputError) as caught:
        load_model(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).count(str(path)) == 1


def test_suffix_in_capitals(tmp_path):
    path = tmp_path / "MODEL.TFLITE"
    path.write_bytes(raw_tflite.write(raw_tflite.conv_model()))
    assert load_model(path).name == "MODEL"
