"""DeepLabV3, float from its file, quantised, mapped and simulated: what is where in three photos.

``python -m docs.examples.segment`` draws the classes over the photos and prints the share of each
class next to the float network's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from compiler.assets import AssetError, deeplab_path, scikit_pictures
from compiler.errors import CompilerError
from docs.examples.quantised import (
    as_input,
    open_picture,
    photos,
    prepare,
    run,
)
from tests.golden.oracle import run_litert

FOLDER = Path("out/deeplab_v3")
SIZE = 257
PICTURES = ("chelsea", "astronaut", "motorcycle_left")

#: Classes of PASCAL VOC 2012, by index.
CLASSES = (
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "dining table",
    "dog",
    "horse",
    "motorbike",
    "person",
    "potted plant",
    "sheep",
    "sofa",
    "train",
    "tv",
)

#: Least share of a photo that is printed.
_SHOWN = 0.005


def main() -> int:
    """Segment the photos: 0 done, 1 a file could not be fetched."""
    try:
        pictures = scikit_pictures()
        model = deeplab_path()
        program = prepare(model, [as_input(photo, SIZE) for photo in photos()], FOLDER)
        for name in PICTURES:
            picture = open_picture(pictures[name])
            x = as_input(picture, SIZE)
            (found,) = run(program, x).values()
            classes = found[0].argmax(axis=-1)
            drawn = FOLDER.with_name(f"{FOLDER.name}_{name}.png")
            overlaid(picture, classes).save(drawn)
            _print(name, classes, float_classes(model, x), drawn)
    except (AssetError, CompilerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def float_classes(model: Path, x: np.ndarray) -> np.ndarray:
    """The class of each pixel by LiteRT on the float model."""
    return run_litert(model, {"sub_7": x})["ResizeBilinear_3"][0].argmax(axis=-1)


def shares(classes: np.ndarray) -> dict[str, float]:
    """The share of the pixels that each class has."""
    counts = np.bincount(classes.reshape(-1), minlength=len(CLASSES))
    return dict(zip(CLASSES, counts / classes.size, strict=True))


def overlaid(picture: Image.Image, classes: np.ndarray) -> Image.Image:
    """The picture, half of it in the colour of the class except for the background."""
    index = Image.fromarray(classes.astype(np.uint8)).resize(picture.size, Image.Resampling.NEAREST)
    palette = np.random.default_rng(1).integers(60, 256, (len(CLASSES), 3))
    found, pixels = np.asarray(index), np.asarray(picture)
    blend = (pixels * 0.4 + palette[found] * 0.6).astype(np.uint8)
    return Image.fromarray(np.where(found[..., None] > 0, blend, pixels))


def _print(name: str, found: np.ndarray, expected: np.ndarray, drawn: Path) -> None:
    agreement = (found == expected).mean()
    print(f"\n{name}: {agreement:.1%} of the pixels as the float network has them; {drawn}")
    ours, theirs = shares(found), shares(expected)
    for label in sorted(CLASSES, key=lambda c: -ours[c]):
        if max(ours[label], theirs[label]) >= _SHOWN:
            print(f"  {label:12}  {ours[label]:6.1%}  float {theirs[label]:6.1%}")


if __name__ == "__main__":
    sys.exit(main())
