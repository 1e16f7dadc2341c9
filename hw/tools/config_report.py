"""The report of ``python -m hw config``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from compiler.whole_files import write_file
from hw.spec.config import AccelConfig, to_dict
from hw.spec.config_keys import KEYS
from hw.spec.fingerprint import fingerprint
from sim.report import console


def as_data(config: AccelConfig) -> dict[str, Any]:
    """The configuration as plain data: ``config`` is what ``--config`` reads."""
    values = flat(config)
    keys = {
        name: {
            "value": values[name],
            "default": flat(AccelConfig())[name],
            "unit": key.unit,
            "accepted": key.accepted,
            "meaning": key.meaning,
        }
        for name, key in KEYS.items()
    }
    return {
        "config": to_dict(config),
        "keys": keys,
        "derived": derived(config),
        "fingerprint": f"0x{fingerprint(config):08x}",
    }


def derived(config: AccelConfig) -> dict[str, int]:
    """What follows from the values of a configuration, by name with the unit in it."""
    return {
        "mac_units": config.mac_units,
        "memory_bytes_per_cycle": config.bus_bytes // config.beat_interval,
        "word_bytes": config.word_bytes,
        "line_bytes": config.line_bytes,
        "scratchpad_lines": config.scratchpad_lines,
        "scratchpad_kib": config.scratchpad_bytes >> 10,
        "scratchpad_bytes_per_cycle": config.line_bytes,
        "macs_per_memory_byte": config.mac_units * config.beat_interval // config.bus_bytes,
    }


def flat(config: AccelConfig) -> dict[str, Any]:
    """The values by the keys that ``--set`` takes."""
    values = to_dict(config)
    memory = values.pop("memory")
    return values | {f"memory.{name}": value for name, value in memory.items()}


def print_config(config: AccelConfig) -> None:
    """The keys with their values, units, bounds and meanings, and what follows from them."""
    out, values = console(), flat(config)
    table = Table(title=f"Keys of {config.name}", box=SIMPLE)
    for name in ("key", "value"):
        table.add_column(name, no_wrap=name == "key")
    for name in ("unit", "accepted", "meaning"):
        table.add_column(name, overflow="fold")
    for name, key in KEYS.items():
        table.add_row(name, _text(values[name]), key.unit, key.accepted, key.meaning)
    out.print(table)
    table = Table(title="What follows", box=SIMPLE, show_header=False)
    for name, number in derived(config).items():
        table.add_row(name, f"{number:,}")
    table.add_row("fingerprint", f"0x{fingerprint(config):08x}")
    out.print(table)


def write_config(path: Path, config: AccelConfig) -> None:
    """Write the configuration as ``--config`` reads it. Raises InputError."""
    write_file(path, json.dumps(to_dict(config), indent=2) + "\n")


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join("x".join(map(str, shape)) for shape in value)
    return f"{value:,}" if isinstance(value, int) else str(value)
