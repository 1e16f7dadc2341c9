"""Versions of ONNX's operator set that others are converted to, with ONNX's own converter."""

from __future__ import annotations

import onnx
from onnx import helper

from compiler.errors import UnsupportedError
from compiler.frontend.onnx.references import array_of
from compiler.frontend.onnx.weights_aside import with_weights_aside

#: Oldest and newest version that is read as it is. onnxruntime, which calibrates, ends there.
FIRST, LAST = 11, 26

#: Oldest version that is converted.
OLDEST = 7

#: Scales per channel, and all else that the passes write, are in this version and later ones.
PER_CHANNEL = 13

#: Domains of ONNX's own operators.
DOMAINS = ("", "ai.onnx")


def opset(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators that the model uses."""
    return next((o.version for o in model.opset_import if o.domain in DOMAINS), 0)


def to_readable_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """Operator sets from 7 to 10 become 13, and 27 and later 26, by ONNX's own converter.

    Raises UnsupportedError for a set that is older, or newer than the installed ONNX knows.
    """
    version, latest = opset(model), onnx.defs.onnx_opset_version()
    if not OLDEST <= version <= latest:
        raise UnsupportedError(f"opset {version}; {OLDEST} to {latest} are accepted")
    if version < FIRST:
        return _with_old_places(converted(model, PER_CHANNEL))
    return converted(model, LAST) if version > LAST else model


def _with_old_places(model: onnx.ModelProto) -> onnx.ModelProto:
    """Resizes read the places that operator set 10 defines, which ONNX's converter leaves out."""
    constants = {t.name: t for t in model.graph.initializer}
    constants |= {
        n.output[0]: n.attribute[0].t for n in model.graph.node if n.op_type == "Constant"
    }
    for node in model.graph.node:
        if node.op_type != "Resize":
            continue
        scales = constants.get(node.input[2]) if len(node.input) > 2 else None
        shrinks = scales is not None and (array_of(scales) < 1).any()
        node.attribute.extend(
            helper.make_attribute(name, value)
            for name, value in (
                ("coordinate_transformation_mode", "asymmetric"),
                ("nearest_mode", "ceil" if shrinks else "floor"),
            )
        )
    return model


def converted(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    """The model, which is used up, in another version. Raises UnsupportedError."""
    found = opset(model)
    try:
        return with_weights_aside(
            model, lambda light: onnx.version_converter.convert_version(light, version)
        )
    except (RuntimeError, ValueError) as fault:
        # What stands before is a place in ONNX's own code.
        reason = " ".join(str(fault).split()).rpartition("failed: ")[2]
        raise UnsupportedError(
            f"opset {found}, which ONNX's converter cannot bring to {version}: {reason[:200]}; "
            f"{FIRST} to {LAST} are accepted as they are"
        ) from None
