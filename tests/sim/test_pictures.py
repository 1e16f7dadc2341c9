"""Pictures as inputs, their preprocessing, and answers by name."""

import json

import numpy as np
import pytest
from PIL import Image

from compiler.command_line import main as compiler_main
from compiler.errors import InputError
from compiler.frontend import write_model
from compiler.ir.randomize import randomize
from compiler.zoo.builder import GraphBuilder
from golden.command_line import main as golden_main
from golden.pictures import Preprocessing, load_picture, model_input
from sim.command_line import main as sim_main

HEIGHT, WIDTH, CLASSES = 12, 10, 6


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    builder = GraphBuilder("small", (HEIGHT, WIDTH, 3))
    x = builder.conv("stem", "input", 8, 3, stride=2, activation="relu6")
    x = builder.global_avg_pool("pool", x)
    graph = randomize(builder.finish(builder.fully_connected("logits", x, CLASSES)))
    return write_model(graph, tmp_path_factory.mktemp("model") / "small.json")


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mapped") / "small"
    assert compiler_main(["map", str(model), "-o", str(folder), "--preset", "tiny"]) == 0
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    paths = []
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 256, (30 + seed, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{seed}.png")
        paths.append(folder / f"{seed}.png")
    return paths


def run(capsys, *words):
    assert sim_main(["run", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *words):
    assert sim_main(["run", *map(str, words)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def by_golden(model, array, tmp_path):
    """The model's output on a declared input, by golden."""
    np.save(tmp_path / "x.npy", array)
    words = ["--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy"]
    assert golden_main(["run", str(model), *map(str, words)]) == 0
    return np.load(tmp_path / "y.npy").ravel()


def test_pictures_give_what_golden_gives_on_their_pixels(model, folder, pictures, tmp_path, capsys):
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"class {index} of six\n" for index in range(CLASSES)))
    words = [word for path in pictures for word in ("--input", path)]
    report = run(capsys, folder, *words, "--labels", labels, "--top", CLASSES)
    assert [answer["input"] for answer in report["answers"]] == [str(p) for p in pictures]
    for path, answer in zip(pictures, report["answers"], strict=True):
        pixels = load_picture(path, HEIGHT, WIDTH).astype(np.int16)
        wanted = by_golden(model, (pixels - 128).astype(np.int8), tmp_path)
        values = [found["value"] for found in answer["top"]]
        assert values == sorted(wanted.tolist(), reverse=True)
        for found in answer["top"]:
            assert found["value"] == wanted[found["class"]]
            assert found["label"] == f"class {found['class']} of six"


def test_mean_std_and_scale_make_the_real_values_that_the_input_is_quantised_from(
    model, folder, pictures, tmp_path, capsys
):
    words = ["--mean", "0.5,0.25,0", "--std", "0.5", "--scale", "1/255", "--output"]
    run(capsys, folder, "--input", pictures[0], *words, tmp_path / "out.npy")
    pixels = load_picture(pictures[0], HEIGHT, WIDTH) / 255
    real = (pixels - np.array([0.5, 0.25, 0])) / 0.5
    wanted = by_golden(model, real.astype(np.float32), tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy").ravel(), wanted)


def test_a_picture_is_resized_and_its_centre_cropped(tmp_path):
    pixels = np.zeros((80, 160, 3), np.uint8)
    pixels[5:75, 45:115] = (10, 200, 30)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    # 7/8 of the 80 pixels of the shorter side
    assert (load_picture(tmp_path / "x.png", 70, 70) == (10, 200, 30)).all()


@pytest.mark.parametrize(("layout", "shape"), [("nchw", (1, 3, 4, 5)), ("nhwc", (1, 4, 5, 3))])
def test_the_shape_says_the_layout(layout, shape, pictures):
    tensor = {"shape": shape, "dtype": "uint8"}
    found = model_input(pictures[0], tensor, Preprocessing())
    assert found.shape == shape
    pixels = load_picture(pictures[0], 4, 5)
    np.testing.assert_array_equal(found, pixels.transpose(["nhwc".index(a) for a in layout]))


def test_faults_of_pictures_and_labels_are_one_line(folder, pictures, tmp_path, capsys):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    assert f"{bad}: not a picture" in refused(capsys, folder, "--input", bad)
    few = tmp_path / "few.txt"
    few.write_text("a\nb\n")
    assert "2 lines; 6," in refused(capsys, folder, "--labels", few)
    means = ["--input", pictures[0], "--mean", "1,2"]
    assert "--mean has 2 numbers; 1 or 3 are" in refused(capsys, folder, *means)
    assert "--std has a 0" in refused(capsys, folder, "--input", pictures[0], "--std", "1,0,1")
    far = ["--input", pictures[0], "--scale", "1e300"]
    assert "finite numbers are accepted" in refused(capsys, folder, *far)
    two = ["--input", pictures[0], "--input", pictures[1], "--output", tmp_path / "y.npy"]
    assert "--output with 2 inputs" in refused(capsys, folder, *two)
    assert "--top '7'; a whole number from 1 to 6" in refused(capsys, folder, "--top", 7)
    assert "--labels needs values" in refused(capsys, folder, "--no-values", "--labels", few)


def test_a_picture_for_a_real_input_needs_its_preprocessing(pictures):
    tensor = {
        "shape": (1, 4, 4, 3),
        "dtype": "int8",
        "declared": {"dtype": "float32", "shape": (1, 4, 4, 3), "order": (0, 1, 2, 3)},
    }
    with pytest.raises(InputError, match="--mean, --std or --scale must say"):
        model_input(pictures[0], tensor, Preprocessing())
