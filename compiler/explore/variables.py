"""Variables of a space: names, and the values that each may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from compiler.errors import InputError, show

Value = int | float | str | bool
"""A value of a variable."""
MOST_VALUES = 100_000
"""Values of one variable at most."""
MOST = (1 << 63) - 1
"""The greatest number, and of negative ones the least: what a column of whole numbers holds."""
DIGITS = 10
"""Decimal digits that a range of fractions keeps."""
_RANGES = ({"from", "to", "step"}, {"from", "to", "factor"})
ACCEPTED = "a value, a list of values, { from, to, step } or { from, to, factor } is accepted"


@dataclass(frozen=True)
class Variable:
    """A variable by its full name, ``rows`` or ``LABEL.width`` say, with at least one value."""

    name: str
    values: tuple[Value, ...]

    @property
    def is_ordered(self) -> bool:
        """Whether its values are numbers, of which one is nearer to another than a third."""
        return not isinstance(self.values[0], (str, bool))


def variable(name: str, spec: object, read: Callable[[object], object]) -> Variable:
    """The variable that a TOML value describes; ``read`` turns what a file holds into a value.

    Raises InputError, which names the variable.
    """
    if isinstance(spec, dict):
        found = _range(name, {key: read(value) for key, value in spec.items()})
    else:
        found = [read(value) for value in (spec if isinstance(spec, list) else [spec])]
    kinds = {str if isinstance(v, str) else bool if isinstance(v, bool) else float for v in found}
    if not all(isinstance(v, (int, float, str)) for v in found) or len(kinds) != 1:
        raise InputError(f"{name} = {show(spec)}: {ACCEPTED}, all numbers, all texts or all flags")
    values = tuple(v for v in found if isinstance(v, (int, float, str)))
    if len(set(values)) < len(values):
        raise InputError(f"{name} = {show(spec)}: a value stands twice; once is accepted")
    if any(isinstance(v, (int, float)) and not abs(v) <= MOST for v in values):
        raise InputError(f"{name} = {show(spec)}: numbers from -{MOST} to {MOST} are accepted")
    if any(isinstance(v, float) for v in values):
        values = tuple(float(v) for v in values)
    return Variable(name, values)


def _range(name: str, spec: dict[str, object]) -> list[object]:
    """The values of a range, both ends included as far as steps lead there."""
    numbers = [v for v in spec.values() if isinstance(v, (int, float)) and type(v) is not bool]
    if set(spec) not in _RANGES or len(numbers) < len(spec):
        raise InputError(f"{name} = {show(spec)}: {ACCEPTED}")
    start, end, by = numbers
    factor = "factor" in spec
    if not all(abs(number) <= MOST for number in numbers):
        raise InputError(f"{name} = {show(spec)}: numbers from -{MOST} to {MOST} are accepted")
    least = 10**-DIGITS
    if not (start <= end and by > (1 if factor else 0) and (not factor or start >= least)):
        raise InputError(
            f"{name} = {show(spec)}: from <= to, a step above 0, or from at least {least} and a "
            "factor above 1 are accepted"
        )
    values: list[object] = []
    value = start
    while value <= end:
        values.append(value)
        if len(values) > MOST_VALUES:
            raise InputError(f"{name} = {show(spec)}: more than {MOST_VALUES:,} values")
        value = start * by ** len(values) if factor else start + by * len(values)
        if isinstance(value, float):
            value = round(value, DIGITS)
    return values
