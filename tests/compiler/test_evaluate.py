"""``compiler evaluate``: answers over a folder of pictures, and how many are right."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from compiler.command_line import main
from golden.pictures import load_picture
from sim.command_line import main as sim_main
from tests.support.float_onnx import calibration_of, mobile_net
from tests.support.onnx_builder import run_onnx

HOW = ["--scale", "1/64", "--mean", "2"]
COUNT = 18


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A float model, its calibration and pictures; more than a batch."""
    folder = tmp_path_factory.mktemp("files")
    generator = np.random.default_rng(6)
    (folder / "net.onnx").write_bytes(mobile_net(generator).bytes())
    calibration_of(folder / "samples.npy", generator)
    (folder / "flat").mkdir()
    for number in range(COUNT):
        pixels = generator.integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "flat" / f"{number:02}.png")
    return folder


def evaluated(capsys, files, images, *words):
    model = [str(files / "net.onnx"), "--calibrate", str(files / "samples.npy"), *HOW]
    capsys.readouterr()
    assert main(["evaluate", *model, "--images", str(images), *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def float_classes(files):
    """The float model's best class of each picture, by onnxruntime."""
    found = []
    for path in sorted((files / "flat").iterdir()):
        pixels = load_picture(path, 16, 16).transpose(0, 3, 1, 2)
        real = (pixels / 64 - 2).astype(np.float32)
        (values,) = run_onnx((files / "net.onnx").read_bytes(), {"image": real})
        found.append(int(np.argmax(values)))
    return found


def test_answers_are_the_simulators_and_are_counted(files, tmp_path, capsys):
    wanted = float_classes(files)
    labels = tmp_path / "labels.csv"
    # Every third picture has no class, the first a wrong one.
    known = {n: wanted[n] if n else (wanted[n] + 1) % 10 for n in range(COUNT) if n % 3 != 2}
    labels.write_text("".join(f"{n:02}.png, {label}\n" for n, label in known.items()))
    data = evaluated(capsys, files, files / "flat", "--labels", labels)
    words = ["--calibrate", str(files / "samples.npy"), "--preset", "tiny", "-o"]
    assert main(["map", str(files / "net.onnx"), *words, str(tmp_path / "out")]) == 0
    inputs = [w for p in sorted((files / "flat").iterdir()) for w in ("--input", str(p))]
    capsys.readouterr()
    assert sim_main(["run", str(tmp_path / "out"), *inputs, *HOW, "--top", "1", "--json"]) == 0
    simulated = json.loads(capsys.readouterr().out)["answers"]
    own = [(a["picture"], a["class"], a["value"]) for a in data["answers"]]
    assert own == [(a["input"], a["top"][0]["class"], a["top"][0]["value"]) for a in simulated]
    assert [a["float_class"] for a in data["answers"]] == wanted
    classes = [a["class"] for a in data["answers"]]
    assert data["pictures"] == COUNT and data["labelled"] == len(known)
    assert data["top1"] == sum(classes[n] == label for n, label in known.items()) / len(known)
    assert data["float_top1"] == (len(known) - 1) / len(known)
    assert data["agreement"] == sum(map(int.__eq__, classes, wanted)) / COUNT
    assert data["evaluated_per_second"] > 0
    two = evaluated(capsys, files, files / "flat", "--labels", labels, "--jobs", "2")
    assert {**two, "evaluated_per_second": 0} == {**data, "evaluated_per_second": 0}


@pytest.mark.parametrize("names", [("0", "3"), ("cat", "dog")])
def test_sub_folders_are_classes(names, files, tmp_path, capsys):
    for name, first in zip(names, (0, 2), strict=True):
        (tmp_path / name).mkdir()
        for number in (first, first + 1):
            shutil.copy(files / "flat" / f"{number:02}.png", tmp_path / name)
    labels = [answer["label"] for answer in evaluated(capsys, files, tmp_path)["answers"]]
    second = 3 if names[1] == "3" else 1
    assert labels == [0, 0, second, second]


def test_faults_are_one_line(files, tmp_path, capsys):
    def refused(*words):
        model = ["evaluate", str(files / "net.onnx"), "--calibrate", str(files / "samples.npy")]
        capsys.readouterr()
        assert main([*model, *map(str, words)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert "no picture" in refused("--images", tmp_path)
    assert "not a directory" in refused("--images", tmp_path / "none")
    labels = tmp_path / "labels.txt"
    labels.write_text("00.png cat\n")
    assert "line 1" in refused("--images", files / "flat", "--labels", labels)
    labels.write_text("00.png 10\n")
    assert "0 to 9" in refused("--images", files / "flat", "--labels", labels, *HOW)
    assert "--mean, --std or --scale" in refused("--images", files / "flat")
