"""Least squares: the coefficients of each unit's formula, and how far the predictions are off."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from hw.tools.area.terms import FORMULAS, values
from tests.benchmarks.areas.configurations import is_held_out
from tests.benchmarks.areas.rows import FITTED_RESOURCES, Row, read

DIGITS = 5


def fit(target: str) -> dict[str, Any]:
    """What ``fitted.json`` has of a target, from the rows of its file."""
    rows = read(target)
    used = [row for row in rows if not is_held_out(row.config)]
    rest = [row for row in rows if is_held_out(row.config)]
    found: dict[str, Any] = {
        name: {unit: _unit(used, target, unit, name) for unit in FORMULAS}
        for name in FITTED_RESOURCES[target]
    }
    first = FITTED_RESOURCES[target][0]
    errors = [100 * abs(error(found, row, target, first)) for row in rest]
    return {
        "held_out": len(rest),
        "fitted_macs": max(row.config.mac_units for row in used),
        "median_error": round(statistics.median(errors), 1),
        "worst_error": round(max(errors), 1),
        **found,
    }


def _unit(rows: Sequence[Row], target: str, unit: str, resource: str) -> dict[str, float]:
    """Coefficients of a unit: errors weigh as shares of the whole configuration. A term whose
    coefficient would be below 0, of which more would cost less, has none; so has one that follows
    from those before it in all rows, or is 0 there."""
    terms = np.array([[*values(row.config, target, unit).values()] for row in rows], float)
    weights = np.array([1 / row.resources[resource] for row in rows])
    wanted = np.array([row.units[unit][resource] for row in rows], float)
    left = _independent(terms)
    solved = np.zeros(terms.shape[1])
    while left:
        scaled = terms[:, left] * weights[:, None]
        found = np.linalg.lstsq(scaled, wanted * weights, rcond=None)[0]
        if found.min() >= 0:
            solved[left] = found
            break
        del left[int(found.argmin())]
    return {
        name: float(f"{value:.{DIGITS}g}")
        for name, value in zip(FORMULAS[unit], solved, strict=True)
    }


def _independent(terms: np.ndarray) -> list[int]:
    """The columns that are no linear combination of those before them."""
    found: list[int] = []
    for column in range(terms.shape[1]):
        if np.linalg.matrix_rank(terms[:, [*found, column]]) > len(found):
            found.append(column)
    return found


def predicted(found: dict[str, Any], row: Row, target: str, resource: str) -> float:
    """A resource of a configuration by the formulas."""
    return sum(
        float(found[resource][unit][name] * value)
        for unit in FORMULAS
        for name, value in values(row.config, target, unit).items()
    )


def error(found: dict[str, Any], row: Row, target: str, resource: str) -> float:
    """The error of a prediction, as a share of what synthesis gave."""
    return predicted(found, row, target, resource) / row.resources[resource] - 1
