"""Pictures as inputs of models: read, resized, cropped and normalised."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.errors import InputError, show

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".gif", ".tif", ".tiff")
"""Endings of file names that are pictures."""
LAYOUTS = ("nhwc", "nchw")
MODES = {1: "L", 3: "RGB"}
"""Pillow's name of pictures by channels."""
CROP = 0.875
"""The part of a picture's shorter side that is kept, the usual one for ImageNet classifiers."""


@dataclass(frozen=True)
class Preprocessing:
    """A model's way from pixels to real values: ``(pixel * scale - mean) / std``, by channel.

    With none of the three an 8-bit input takes the pixels themselves. ``layout`` is the order of
    the model's axes, None where its shape says it.
    """

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    scale: float | None = None
    layout: str | None = None

    @property
    def given(self) -> bool:
        """Whether pixels become real values."""
        return any(part is not None for part in (self.mean, self.std, self.scale))


PIXELS = Preprocessing()
"""The preprocessing of models that take the pixels themselves."""


def add_picture_options(parser: argparse.ArgumentParser) -> None:
    """Add --mean, --std, --scale and --layout: a model's preprocessing of pictures."""
    group = parser.add_argument_group(
        "pictures", "a pixel from 0 to 255 becomes (pixel * SCALE - MEAN) / STD"
    )
    for option, metavar, text in (
        ("--mean", "M[,M,M]", "one number or one for each channel (default: 0)"),
        ("--std", "S[,S,S]", "likewise (default: 1)"),
    ):
        group.add_argument(option, metavar=metavar, type=_numbers, help=text)
    group.add_argument(
        "--scale", metavar="SCALE", type=_scale, help="factor of the pixels, as in 1/255"
    )
    group.add_argument(
        "--layout", choices=LAYOUTS, help="axes of the model's input (default: as its shape says)"
    )


def preprocessing(arguments: argparse.Namespace) -> Preprocessing:
    """The preprocessing that the options of ``add_picture_options`` ask for."""
    return Preprocessing(arguments.mean, arguments.std, arguments.scale, arguments.layout)


def is_picture(path: Path) -> bool:
    """Whether a file's name is that of a picture."""
    return path.suffix.lower() in SUFFIXES


def load_picture(path: Path, height: int = 224, width: int = 224, channels: int = 3) -> np.ndarray:
    """A picture as uint8 ``[1, height, width, channels]``, RGB or grey.

    It is resized (bicubic) until its centre of that size is CROP of it in one direction and no
    more in the other. Raises InputError for a file that is no picture.
    """
    import numpy as np

    image = _pillow()
    try:
        with image.open(path) as opened:
            picture = opened.convert(MODES[channels])
    # Pillow raises many kinds of errors on faulty files.
    except Exception as error:
        reason = getattr(error, "strerror", None) or "not a picture that Pillow reads"
        raise InputError(f"{path}: {reason}") from error
    factor = max(height / CROP / picture.height, width / CROP / picture.width)
    size = round(picture.width * factor), round(picture.height * factor)
    picture = picture.resize(size, image.Resampling.BICUBIC)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    pixels = np.asarray(picture.crop((left, top, left + width, top + height)), np.uint8)
    return pixels.reshape(1, height, width, channels)


def model_input(path: Path, tensor: Mapping[str, Any], how: Preprocessing) -> np.ndarray:
    """A picture as the model declares its input: the array that a file of the user would hold.

    Raises InputError for a file that is no picture, an input that is none, and a preprocessing
    that does not fit.
    """
    from golden.declared import declared_shape

    shape = declared_shape(tensor)
    layout = how.layout or ("nchw" if len(shape) == 4 and shape[3] not in MODES else "nhwc")
    axes = dict(zip(layout, shape, strict=len(shape) == 4)) if len(shape) == 4 else {}
    if axes.get("n") != 1 or axes.get("c") not in MODES:
        raise InputError(
            f"{path}: a picture for an input of shape {list(shape)} ({layout}); one of 1 or 3 "
            "channels is accepted"
        )
    pixels = load_picture(path, axes["h"], axes["w"], axes["c"])
    values = _values(path, pixels, tensor, how)
    return values.transpose(["nhwc".index(axis) for axis in layout])


def stored_input(path: Path, tensor: Mapping[str, Any], how: Preprocessing) -> np.ndarray:
    """A picture as the stored integers of the input that ``tensor`` describes. Raises InputError as
    ``model_input`` does."""
    return stored(path, model_input(path, tensor, how), tensor)


def stored(path: Path, array: np.ndarray, tensor: Mapping[str, Any]) -> np.ndarray:
    """The stored integers of what ``model_input`` gave for the picture in ``path``. Raises
    InputError."""
    from golden.declared import from_declared

    try:
        return from_declared(array, tensor)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _values(
    path: Path, pixels: np.ndarray, tensor: Mapping[str, Any], how: Preprocessing
) -> np.ndarray:
    """The pixels in the type of the input, or as float32."""
    import numpy as np

    declared = tensor.get("declared")
    dtype = tensor["dtype"] if declared is None else declared["dtype"]
    if how.given:
        mean, std = (
            np.array(given, np.float64) for given in (how.mean or (0.0,), how.std or (1.0,))
        )
        for option, numbers in (("--mean", mean), ("--std", std)):
            if len(numbers) not in (1, pixels.shape[3]):
                raise InputError(
                    f"{option} has {len(numbers)} numbers; 1 or {pixels.shape[3]} are accepted"
                )
        if not std.all():
            raise InputError("--std has a 0; other numbers are accepted")
        scale = 1.0 if how.scale is None else how.scale
        with np.errstate(over="ignore"):
            return ((pixels * scale - mean) / std).astype(np.float32)
    if dtype == "uint8":
        return pixels
    if dtype == "int8":
        return (pixels ^ 0x80).view(np.int8)
    raise InputError(
        f"{path}: a picture for an input of type {dtype}; --mean, --std or --scale must say how "
        "pixels become real values"
    )


def _pillow() -> Any:
    from PIL import Image

    return Image


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(_number(part, text) for part in text.split(","))


def _scale(text: str) -> float:
    return _number(text, text)


def _number(part: str, text: str) -> float:
    """A number or a quotient of two."""
    numerator, slash, denominator = part.partition("/")
    try:
        value = float(numerator) / (float(denominator) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        value = float("nan")
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{show(text)}; finite numbers as 0.5 or 1/255")
    return value
