"""Strict JSON: what ``json`` accepts beyond the standard is refused, and the schema is checked."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.errors import InputError, UnsupportedError, show

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

SCHEMA_FILE = Path(__file__).with_name("model_schema.json")


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Raises InputError, with line and column where known, for anything that is not JSON: NaN and
    Infinity, numbers too large for a float, repeated keys and nesting beyond reason included.
    """
    try:
        return json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_parse_float,
            object_pairs_hook=_refuse_repeats,
        )
    except json.JSONDecodeError as fault:
        raise InputError(
            f"not valid JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}"
        ) from None
    except ValueError as fault:
        raise InputError(f"not valid JSON: {fault}") from None
    except RecursionError:
        raise InputError("not valid JSON: nested too deeply") from None


def check_schema(document: object) -> None:
    """Raise InputError, naming the key, unless the document follows model_schema.json."""
    fault = next(_validator().iter_errors(document), None)
    if fault is not None:
        raise _translate(fault)


@cache
def _validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def _refuse_constant(name: str) -> None:
    raise InputError(f"number {name}; a finite number is accepted")


def _parse_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InputError(f"number {text[:40]}; a finite number is accepted")
    return value


def _refuse_repeats(pairs: list[tuple[str, object]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise InputError(f"key {show(repeated)} is given twice")
    return result


def _translate(fault: ValidationError) -> InputError | UnsupportedError:
    """The validator's error as one line: key, value found, what is accepted."""
    where = _key(fault)
    accepted, value = fault.validator_value, fault.instance
    match fault.validator:
        case "additionalProperties":
            known = fault.schema.get("properties", {})
            unknown = next(key for key in value if key not in known)
            return InputError(f"{where}: unknown key {show(unknown)}; accepted: {', '.join(known)}")
        case "required":
            missing = next(key for key in accepted if key not in value)
            return InputError(f"{where}: key {missing!r} is missing")
        case "const" if where == "version":
            return UnsupportedError(f"{where} is {show(value)}; {accepted} is accepted")
        case "const":
            return InputError(f"{where} is {show(value)}; {show(accepted)} is accepted")
        case "enum":
            return InputError(f"{where} is {show(value)}; accepted: {', '.join(accepted)}")
        case "type":
            kinds = accepted if isinstance(accepted, str) else " or ".join(accepted)
            return InputError(f"{where} is {show(value)}; accepted: {kinds}")
        case rule:
            return InputError(f"{where} is {show(value)}; {rule} {accepted} is accepted")


def _key(fault: ValidationError) -> str:
    """The path of a fault as a user writes it, such as ``tensors['x'].shape[2]``."""
    text = ""
    parent = None
    for part in fault.absolute_path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif parent == "tensors":
            text += f"[{show(part)}]"
        else:
            text += f".{part}" if text else part
        parent = part
    return text or "the model"
