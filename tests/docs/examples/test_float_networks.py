"""The examples of float TFLite networks: their answers are the float networks'."""

import numpy as np
import pytest

from compiler.assets import blaze_face_path, deeplab_path, scikit_pictures
from docs.examples import (
    detect_face,
    segment,
)
from docs.examples.quantised import (
    as_input,
    open_picture,
    photos,
    prepare,
    run,
)
from tests.golden.oracle import run_litert


def test_box_of_the_best_anchor():
    """The first anchor of the coarse map is centred at (8, 8) of 128 pixels."""
    outputs = {"classificators": np.full((1, 896, 1), -9.0), "regressors": np.zeros((1, 896, 16))}
    outputs["classificators"][0, 512] = 0.0
    outputs["regressors"][0, 512, :4] = 8, 24, 16, 32
    assert detect_face.best(outputs, (256, 128)) == (0.5, (16, 16, 48, 48))


def test_shares_of_classes():
    found = segment.shares(np.array([[0, 0], [8, 15]]))
    assert {name: share for name, share in found.items() if share} == {
        "background": 0.5,
        "cat": 0.25,
        "person": 0.25,
    }


@pytest.mark.full
def test_face_of_the_astronaut(tmp_path):
    """The box lies on the float network's: the common area is 80 % of both."""
    pictures = scikit_pictures()
    samples = detect_face.samples(pictures["lfw_subset"])
    program = prepare(blaze_face_path(), samples, tmp_path / "mapped")
    picture = open_picture(pictures["astronaut"])
    x = as_input(picture, detect_face.SIZE)
    score, box = detect_face.best(run(program, x), picture.size)
    _, expected = detect_face.best(run_litert(blaze_face_path(), {"input": x}), picture.size)
    assert score > 0.8
    low, high = np.maximum(box[:2], expected[:2]), np.minimum(box[2:], expected[2:])
    common = np.prod(np.maximum(high - low, 0))
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, expected)]
    assert common / (sum(areas) - common) > 0.8


@pytest.mark.full
def test_classes_of_three_photos(tmp_path):
    """95 % of the pixels have the float network's class; chance borders make up the rest."""
    program = prepare(
        deeplab_path(), [as_input(p, segment.SIZE) for p in photos()], tmp_path / "mapped"
    )
    for name in segment.PICTURES:
        x = as_input(open_picture(scikit_pictures()[name]), segment.SIZE)
        (found,) = run(program, x).values()
        expected = segment.float_classes(deeplab_path(), x)
        assert (found[0].argmax(axis=-1) == expected).mean() > 0.95
