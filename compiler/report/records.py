"""The figures of a mapping as plain data, for ``map --json`` and ``--csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compiler.clocks import Clock
from compiler.errors import ConfigError, show
from compiler.report.energy import PARTS
from compiler.report.report import Report
from compiler.whole_files import write_file

ENERGY = "energy_estimate_uj"
Record = dict[str, Any]


def as_data(report: Report, clock: Clock) -> Record:
    """The run as ``sim run --json`` has it, with times at a clock, the energy and, for each layer,
    all that the terminal's tables have."""
    energy = {part: sum(each[part] for each in report.energies) for part in PARTS}
    milliseconds = clock.milliseconds(report.summary["cycles"])
    found = {
        **report.summary,
        "clock_mhz": clock.mhz,
        "clock": clock.source,
        "milliseconds": milliseconds,
        "per_second": 1e3 / milliseconds,
        ENERGY: with_total(energy),
        "energy_source": report.energy_source,
        **report.costs,
        "layers": layer_records(report),
    }
    return found if report.explanation is None else {**found, "explain": report.explanation}


def with_total(energy: Mapping[str, float]) -> dict[str, float]:
    """The energies by part, and their sum as ``total``."""
    return {**energy, "total": sum(energy.values())}


def layer_records(report: Report) -> list[Record]:
    """Each layer's figures by name, in order; ``share`` is of the run's cycles."""
    total = report.summary["cycles"]
    return [
        {
            **figures,
            "share": figures["cycles"] / total,
            ENERGY: with_total(energy),
            "input_shape": list(row.input_shape),
            "output_shape": list(row.output_shape),
            "array": list(row.array),
            "tiles": row.tiles,
            "weights": row.weights,
            "macs_per_byte": row.intensity,
            "streamed": row.streamed,
            "notes": list(row.notes),
        }
        for figures, row, energy in zip(
            report.summary["layers"], report.rows, report.energies, strict=True
        )
    ]


def flat(record: Record) -> Record:
    """A layer's record with one value for each key: those of ``lost`` and the energy have keys of
    their own, shapes are text."""
    found: Record = {}
    for key, value in record.items():
        if key == "lost":
            found |= {f"lost_{cause}": cycles for cause, cycles in value.items()}
        elif key == ENERGY:
            found |= {f"energy_{part}_uj": energy for part, energy in value.items()}
        elif key == "notes":
            found[key] = "; ".join(value)
        else:
            found[key] = "x".join(map(str, value)) if isinstance(value, list) else value
    return found


def order(records: Sequence[Record], key: str | None) -> list[int]:
    """The layers' numbers sorted by a key of ``flat``: numbers from the greatest, text from A.

    Without a key as they are. Raises ConfigError for a key that they lack.
    """
    numbers = list(range(len(records)))
    if key is None:
        return numbers
    rows = [flat(record) for record in records]
    if rows and key not in rows[0]:
        raise ConfigError(f"--sort {show(key)}; accepted: {', '.join(rows[0])}")
    if rows and isinstance(rows[0][key], str):
        return sorted(numbers, key=lambda i: rows[i][key])
    return sorted(numbers, key=lambda i: -(rows[i][key] or 0))


def write_csv(path: Path, records: Sequence[Record], numbers: Sequence[int]) -> None:
    """Write the layers of these numbers as a table. Raises InputError, and leaves no part of it."""
    rows = [flat(records[i]) for i in numbers]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["name"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_file(path, text.getvalue())
