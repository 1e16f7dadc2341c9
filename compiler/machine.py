"""Machines as a user of the Python interface names them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.config_options import DEFAULT_PRESET, config_from, read_config
from hw.spec.config import PRESETS, AccelConfig, to_dict, with_values
from hw.spec.config_keys import ConfigurationError


@dataclass(frozen=True, init=False, repr=False)
class Machine:
    """A machine that networks are mapped onto.

    ``base`` is the name of a preset, the path of a configuration file, a mapping with the keys of
    such a file, another machine or its ``config``; ``values`` change keys of it. Raises
    ConfigurationError, which names the key or the file.

    >>> machine = Machine("edge256", rows=8, memory={"latency": 20})
    >>> machine.mac_units
    128
    >>> machine == Machine({"preset": "edge256", "rows": 8}, **{"memory.latency": 20})
    True
    >>> machine.values["memory"]["latency"]
    20
    >>> Machine("edge300")
    Traceback (most recent call last):
    hw.spec.config_keys.ConfigurationError: machine 'edge300': neither a preset (tiny, \
ecp5_25, ecp5, ecp5_soc, edge256, edge512, edge1024) nor a file with a suffix
    """

    config: AccelConfig

    def __init__(self, base: MachineLike = DEFAULT_PRESET, **values: object) -> None:
        object.__setattr__(self, "config", with_values(_config(base), values))

    @property
    def name(self) -> str:
        """The name of the configuration, that of the preset unless changed."""
        return self.config.name

    @property
    def mac_units(self) -> int:
        """Multiply-accumulates per cycle at most."""
        return self.config.mac_units

    @property
    def values(self) -> dict[str, object]:
        """All keys of the configuration, as a configuration file has them."""
        return to_dict(self.config)

    def __repr__(self) -> str:
        c = self.config
        return (
            f"<Machine {c.name}: {c.rows} x {c.cols} MAC units, scratchpad of "
            f"{c.scratchpad_bytes:,} bytes, bus of {c.bus_bytes} bytes>"
        )


MachineLike = Machine | AccelConfig | Mapping[str, object] | os.PathLike[str] | str
"""A Machine, or what one is made from."""


def _config(base: MachineLike) -> AccelConfig:
    if isinstance(base, Machine):
        return base.config
    if isinstance(base, AccelConfig):
        return base
    if isinstance(base, Mapping):
        return config_from(dict(base))
    if base in PRESETS:
        return PRESETS[base]
    path = Path(base)
    if isinstance(base, str) and not path.suffix:
        raise ConfigurationError(
            f"machine {base!r}: neither a preset ({', '.join(PRESETS)}) nor a file with a suffix"
        )
    return read_config(path)
