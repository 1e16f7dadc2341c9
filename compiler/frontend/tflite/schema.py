"""The part of the TFLite schema that is read: slots of tables, fields of options, names of enums.

Slots count the fields of a table from 0 in the order of ``tensorflow/lite/schema/schema.fbs``,
version 3, conversion-only fields left out; the enums come from the ``tflite`` package.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import tflite

IDENTIFIER = b"TFL3"
VERSION = 3


class ModelSlot(IntEnum):
    """Slots of the model."""

    VERSION, OPERATOR_CODES, SUBGRAPHS, DESCRIPTION, BUFFERS = range(5)


class CodeSlot(IntEnum):
    """Slots of an operator code."""

    DEPRECATED_BUILTIN_CODE, CUSTOM_CODE, VERSION, BUILTIN_CODE = range(4)


class SubgraphSlot(IntEnum):
    """Slots of a subgraph."""

    TENSORS, INPUTS, OUTPUTS, OPERATORS, NAME = range(5)


class OperatorSlot(IntEnum):
    """Slots of an operator."""

    OPCODE_INDEX, INPUTS, OUTPUTS, OPTIONS_TYPE, OPTIONS, CUSTOM_OPTIONS = range(6)
    MUTATING_INPUTS, INTERMEDIATES = 7, 8
    OPTIONS_2 = 12


class TensorSlot(IntEnum):
    """Slots of a tensor."""

    SHAPE, TYPE, BUFFER, NAME, QUANTIZATION, IS_VARIABLE, SPARSITY, SHAPE_SIGNATURE = range(8)


class QuantSlot(IntEnum):
    """Slots of the quantisation of a tensor."""

    MIN, MAX, SCALE, ZERO_POINT, DETAILS_TYPE, DETAILS, QUANTIZED_DIMENSION = range(7)


class BufferSlot(IntEnum):
    """Slots of a buffer."""

    DATA, OFFSET, SIZE = range(3)


#: Layout of a field that is a vector of int32.
INTEGERS = "[i]"


@dataclass(frozen=True)
class Field:
    """A field of an options table: its slot, ``struct`` layout or ``INTEGERS``, and default."""

    slot: int
    layout: str
    default: int | float | bool | tuple[int, ...] = 0


@dataclass(frozen=True)
class Options:
    """An options table: its name in the schema's union, its fields, and how many the schema has.

    Tables that are not ``required`` may be absent, all fields at their defaults.
    """

    table: str
    fields: dict[str, Field]
    slots: int
    required: bool = True


_CONV = {"padding": Field(0, "b"), "stride_w": Field(1, "i"), "stride_h": Field(2, "i")}

#: Options by operator. The fields left out rule float or 16-bit kernels, whose tensors are refused
#: by type: quantized_bias_type, asymmetric_quantize_inputs and pot_scale_int16.
OPTIONS: dict[str, Options] = {
    "CONV_2D": Options(
        "Conv2DOptions",
        {
            **_CONV,
            "activation": Field(3, "b"),
            "dilation_w": Field(4, "i", 1),
            "dilation_h": Field(5, "i", 1),
        },
        7,
    ),
    "DEPTHWISE_CONV_2D": Options(
        "DepthwiseConv2DOptions",
        {
            **_CONV,
            "depth_multiplier": Field(3, "i"),
            "activation": Field(4, "b"),
            "dilation_w": Field(5, "i", 1),
            "dilation_h": Field(6, "i", 1),
        },
        7,
    ),
    "FULLY_CONNECTED": Options(
        "FullyConnectedOptions",
        {
            "activation": Field(0, "b"),
            "weights_format": Field(1, "b"),
            "keep_num_dims": Field(2, "?"),
        },
        5,
    ),
    "ADD": Options("AddOptions", {"activation": Field(0, "b")}, 2, required=False),
    "MUL": Options("MulOptions", {"activation": Field(0, "b")}, 1, required=False),
    "SUB": Options("SubOptions", {"activation": Field(0, "b")}, 2, required=False),
    "ARG_MAX": Options("ArgMaxOptions", {"output_type": Field(0, "b", 0)}, 1),
    "ARG_MIN": Options("ArgMinOptions", {"output_type": Field(0, "b", 0)}, 1),
    "BATCH_MATMUL": Options(
        "BatchMatMulOptions", {"adj_x": Field(0, "?", False), "adj_y": Field(1, "?", False)}, 3
    ),
    "CAST": Options("CastOptions", {}, 2, required=False),
    "DEPTH_TO_SPACE": Options("DepthToSpaceOptions", {"block_size": Field(0, "i")}, 1),
    "SPACE_TO_DEPTH": Options("SpaceToDepthOptions", {"block_size": Field(0, "i")}, 1),
    "GATHER": Options(
        "GatherOptions", {"axis": Field(0, "i"), "batch_dims": Field(1, "i")}, 2, required=False
    ),
    "MIRROR_PAD": Options("MirrorPadOptions", {"mode": Field(0, "b")}, 1),
    "PACK": Options("PackOptions", {"values_count": Field(0, "i"), "axis": Field(1, "i")}, 2),
    "UNPACK": Options("UnpackOptions", {"num": Field(0, "i"), "axis": Field(1, "i")}, 2),
    "SQUEEZE": Options("SqueezeOptions", {"axes": Field(0, INTEGERS, ())}, 1, required=False),
    "SHAPE": Options("ShapeOptions", {"out_type": Field(0, "b")}, 1, required=False),
    "AVERAGE_POOL_2D": Options(
        "Pool2DOptions",
        {
            **_CONV,
            "kernel_w": Field(3, "i"),
            "kernel_h": Field(4, "i"),
            "activation": Field(5, "b"),
        },
        6,
    ),
    "CONCATENATION": Options(
        "ConcatenationOptions", {"axis": Field(0, "i"), "activation": Field(1, "b")}, 2
    ),
    "PAD": Options("PadOptions", {}, 0, required=False),
    "RESHAPE": Options("ReshapeOptions", {}, 1, required=False),
    "DEQUANTIZE": Options("DequantizeOptions", {}, 0, required=False),
    "QUANTIZE": Options("QuantizeOptions", {}, 0, required=False),
    "SLICE": Options("SliceOptions", {}, 0, required=False),
    "SPLIT": Options("SplitOptions", {"num_splits": Field(0, "i")}, 1),
    "SPLIT_V": Options("SplitVOptions", {"num_splits": Field(0, "i")}, 1),
    "STRIDED_SLICE": Options(
        "StridedSliceOptions",
        {
            "begin_mask": Field(0, "i"),
            "end_mask": Field(1, "i"),
            "ellipsis_mask": Field(2, "i"),
            "new_axis_mask": Field(3, "i"),
            "shrink_axis_mask": Field(4, "i"),
            "offset": Field(5, "?"),
        },
        6,
        required=False,
    ),
    "RESIZE_BILINEAR": Options(
        "ResizeBilinearOptions",
        {"align_corners": Field(2, "?", False), "half_pixel_centers": Field(3, "?", False)},
        4,
        required=False,
    ),
    "RESIZE_NEAREST_NEIGHBOR": Options(
        "ResizeNearestNeighborOptions",
        {"align_corners": Field(0, "?", False), "half_pixel_centers": Field(1, "?", False)},
        2,
        required=False,
    ),
    "SOFTMAX": Options("SoftmaxOptions", {"beta": Field(0, "f", 0.0)}, 1),
    "LEAKY_RELU": Options("LeakyReluOptions", {"alpha": Field(0, "f", 0.0)}, 1),
    "HARD_SWISH": Options("HardSwishOptions", {}, 0, required=False),
    "GELU": Options("GeluOptions", {"approximate": Field(0, "?", False)}, 1, required=False),
    "TRANSPOSE_CONV": Options("TransposeConvOptions", {**_CONV, "activation": Field(3, "b")}, 5),
}
OPTIONS["DIV"] = Options("DivOptions", {"activation": Field(0, "b")}, 1, required=False)
OPTIONS["MAX_POOL_2D"] = OPTIONS["AVERAGE_POOL_2D"]

for _name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"):
    OPTIONS[_name] = Options("ReducerOptions", {"keep_dims": Field(0, "?")}, 1, required=False)

#: Operators whose options table holds nothing that is read, with its name and fields.
_EMPTY = {
    "ABS": ("AbsOptions", 0),
    "BATCH_TO_SPACE_ND": ("BatchToSpaceNDOptions", 0),
    "COS": ("CosOptions", 0),
    "DENSIFY": ("DensifyOptions", 0),
    "EXP": ("ExpOptions", 0),
    "EXPAND_DIMS": ("ExpandDimsOptions", 0),
    "FILL": ("FillOptions", 0),
    "FLOOR_DIV": ("FloorDivOptions", 0),
    "MAXIMUM": ("MaximumMinimumOptions", 0),
    "MINIMUM": ("MaximumMinimumOptions", 0),
    "NEG": ("NegOptions", 0),
    "PADV2": ("PadV2Options", 0),
    "POW": ("PowOptions", 0),
    "RANGE": ("RangeOptions", 0),
    "REVERSE_V2": ("ReverseV2Options", 0),
    "SPACE_TO_BATCH_ND": ("SpaceToBatchNDOptions", 0),
    "SQUARE": ("SquareOptions", 0),
    "SQUARED_DIFFERENCE": ("SquaredDifferenceOptions", 0),
    "TILE": ("TileOptions", 0),
    "TRANSPOSE": ("TransposeOptions", 0),
}
for _name, (_table, _slots) in _EMPTY.items():
    OPTIONS[_name] = Options(_table, {}, _slots, required=False)

#: Operators without an options table.
for _name in (
    *("CEIL", "ELU", "FLOOR", "LOG", "LOGISTIC", "PRELU", "RELU", "RELU6", "RELU_0_TO_1"),
    *("RELU_N1_TO_1", "RSQRT", "SIN", "SQRT", "TANH"),
):
    OPTIONS[_name] = Options("NONE", {}, 0, required=False)

#: Activations by their code in the schema; the others are refused by name.
ACTIVATIONS = {0: "none", 1: "relu", 2: "relu_n1_to_1", 3: "relu6"}

#: Types by their code in the schema; the others are refused by name.
DTYPES = {
    tflite.TensorType.INT8: "int8",
    tflite.TensorType.UINT8: "uint8",
    tflite.TensorType.INT32: "int32",
}


def enum_name(enum: type, code: int) -> str:
    """The schema's name of an enum value, such as ``CONV_2D``; ``unknown code N`` without one."""
    names = {value: name for name, value in vars(enum).items() if isinstance(value, int)}
    return names.get(code, f"unknown code {code}")
