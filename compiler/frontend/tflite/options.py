"""Checks of an operator's options and paddings, for both readers of TFLite models."""

from __future__ import annotations

from typing import Any

import numpy as np
import tflite

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite.schema import ACTIVATIONS, enum_name
from compiler.ir.ops import MAX_ATTR
from compiler.ir.window_shapes import Padding, same_padding


class CheckedOptions:
    """The options of an operator, by field name."""

    options: dict[str, Any]

    def fused_activation(self) -> str:
        """The activation, "none" without the option. Raises UnsupportedError for unknown ones."""
        code = self.options.get("activation", 0)
        if code not in ACTIVATIONS:
            raise UnsupportedError(
                f"activation {enum_name(tflite.ActivationFunctionType, code)}; "
                f"accepted: {', '.join(ACTIVATIONS.values())}"
            )
        return ACTIVATIONS[code]

    def pair(self, field: str) -> tuple[int, int]:
        """The options FIELD_h and FIELD_w. Raises InputError beyond 1 to ``MAX_ATTR``."""
        pair = (self.options[field + "_h"], self.options[field + "_w"])
        if not all(1 <= value <= MAX_ATTR for value in pair):
            raise InputError(f"{field} is {list(pair)}; 1 to {MAX_ATTR} is accepted")
        return pair

    def window_padding(
        self, size: tuple[int, ...], kernel: tuple[int, ...], dilation: tuple[int, int] = (1, 1)
    ) -> Padding:
        """SAME or VALID for windows over ``size``: top, bottom, left, right, in pixels.

        Raises InputError for another padding.
        """
        code = self.options["padding"]
        if code == tflite.Padding.VALID:
            return 0, 0, 0, 0
        if code != tflite.Padding.SAME:
            found = enum_name(tflite.Padding, code)
            raise InputError(f"padding has {found}; SAME or VALID is accepted")
        (height, width), (rows, columns) = size, kernel
        return same_padding((height, width), (rows, columns), self.pair("stride"), dilation)


def check_paddings(amounts: np.ndarray) -> None:
    """Raise UnsupportedError for other paddings of PAD than of height, width and channels."""
    if amounts.shape != (4, 2):
        raise UnsupportedError(f"paddings of shape {list(amounts.shape)}; [4, 2] is accepted")
    if amounts[0].any() or amounts.min() < 0 or amounts.max() > MAX_ATTR:
        raise UnsupportedError(
            f"paddings {amounts.tolist()}; 0 to {MAX_ATTR} for height, width and channels, "
            "and 0 for batch, are accepted"
        )
