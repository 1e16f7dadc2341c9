"""BlazeFace, float from its file, quantised, mapped and simulated: the face in a photo.

``python -m docs.examples.detect_face`` draws the box and prints it next to the float network's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from compiler.assets import AssetError, blaze_face_path, scikit_pictures
from compiler.errors import CompilerError
from docs.examples.quantised import (
    as_input,
    open_picture,
    photos,
    prepare,
    run,
)
from tests.golden.oracle import run_litert

FOLDER = Path("out/blaze_face")
SIZE = 128

#: (map of anchors, anchors in each place): SsdAnchorsCalculator's options for this model
#: (MediaPipe, face_detection_short_range.pbtxt: strides 8, 16, 16, 16).
_ANCHORS = ((16, 2), (8, 6))

_SEED = 0

Box = tuple[int, int, int, int]


def main() -> int:
    """Find the astronaut's face: 0 done, 1 a file could not be fetched."""
    try:
        model, pictures = blaze_face_path(), scikit_pictures()
        program = prepare(model, samples(pictures["lfw_subset"]), FOLDER)
        picture = open_picture(pictures["astronaut"])
        x = as_input(picture, SIZE)
        score, box = best(run(program, x), picture.size)
        expected = best(run_litert(model, {"input": x}), picture.size)
    except (AssetError, CompilerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    drawn = FOLDER.with_name(f"{FOLDER.name}.png")
    ImageDraw.Draw(picture).rectangle(box, outline=(0, 255, 0), width=3)
    picture.save(drawn)
    print(f"\nface {score:.3f} {list(box)}, float {expected[0]:.3f} {list(expected[1])}; {drawn}")
    return 0


def best(outputs: Mapping[str, np.ndarray], size: tuple[int, int]) -> tuple[float, Box]:
    """Score and box (left, top, right, bottom) of the best face in a picture of ``size``.

    The network gives centres and sizes in pixels of its input, centres from the anchor's
    (MediaPipe, TensorsToDetectionsCalculator).
    """
    logits = outputs["classificators"][0, :, 0].astype(np.float64)
    index = int(logits.argmax())
    x, y, width, height = outputs["regressors"][0, index, :4].astype(np.float64) / SIZE
    x, y = x + anchors()[index, 0], y + anchors()[index, 1]
    sides = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    left, top, right, bottom = np.rint(sides * [*size, *size]).astype(int).tolist()
    return float(1 / (1 + np.exp(-logits[index]))), (left, top, right, bottom)


def anchors() -> np.ndarray:
    """Centres (x, y) of the 896 anchors from 0 to 1, in the order of the network's rows."""
    centres = []
    for side, count in _ANCHORS:
        rows, columns = np.mgrid[:side, :side].reshape(2, -1)
        places = (np.stack([columns, rows], axis=1) + 0.5) / side
        centres.append(np.repeat(places, count, axis=0))
    return np.concatenate(centres)


def samples(faces: Path) -> list[np.ndarray]:
    """Photos without and with a face: each of LFW's small grey ones that is taken, once."""
    generator = np.random.default_rng(_SEED)
    portraits = np.load(faces)[:100]
    found = []
    for photo in photos():
        found.append(as_input(photo, SIZE))
        face = Image.fromarray((portraits[generator.integers(100)] * 255).astype(np.uint8))
        side = int(generator.integers(30, 90))
        scene = photo.resize((SIZE, SIZE))
        place = tuple(int(v) for v in generator.integers(0, SIZE - side, 2))
        scene.paste(face.resize((side, side), Image.Resampling.BICUBIC).convert("RGB"), place)
        found.append(as_input(scene, SIZE))
    return found


if __name__ == "__main__":
    sys.exit(main())
