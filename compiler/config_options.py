"""Options that choose and change a configuration."""

from __future__ import annotations

import argparse
from pathlib import Path

from compiler.errors import InputError
from compiler.frontend.json_text import parse_json
from compiler.quantities import is_whole
from hw.spec.config import PRESETS, AccelConfig, from_dict, preset, with_values
from hw.spec.config_keys import ConfigurationError

DEFAULT_PRESET = "edge256"
OUTPUT = Path("out")
"""Folder of mapped networks when -o is not given."""


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add --preset, --config and --set."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--preset",
        metavar="NAME",
        default=DEFAULT_PRESET,
        help=f"one of {', '.join(PRESETS)} (default: {DEFAULT_PRESET})",
    )
    source.add_argument("--config", metavar="FILE", type=Path, help="configuration as JSON")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change one value of the configuration, memory.latency=20 say",
    )


def config_of(arguments: argparse.Namespace) -> AccelConfig:
    """The configuration that the options ask for. Raises ConfigurationError."""
    config = preset(arguments.preset) if arguments.config is None else read_config(arguments.config)
    values: dict[str, object] = {}
    for text in arguments.set:
        key, value = setting(text)
        if key in values:
            raise ConfigurationError(f"--set {key!r}: given twice; once is accepted")
        values[key] = value
    return with_values(config, values)


def read_config(path: Path) -> AccelConfig:
    """The configuration in a JSON file. Raises ConfigurationError, which names the file."""
    try:
        return config_from(parse_json(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not valid JSON: {error}") from None
    except (InputError, ConfigurationError) as error:
        raise ConfigurationError(f"{path}: {error}") from None


def config_from(values: object) -> AccelConfig:
    """The configuration that ``values`` from outside describe. Raises ConfigurationError."""
    if not isinstance(values, dict):
        raise ConfigurationError(f"holds {type(values).__name__}; an object is accepted")
    if not isinstance(values.get("preset", ""), str):
        raise ConfigurationError(f"configuration preset={values['preset']!r} must be a string")
    if "preset" in values:
        preset(values["preset"])
    return from_dict(values)


def setting(text: str) -> tuple[str, object]:
    """Key and value of ``KEY=VALUE``; an integer where the value is one, and no name.

    Raises ConfigurationError without an equals sign and for the key ``memory``.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigurationError(f"--set {text!r} must be KEY=VALUE")
    if key == "memory":
        raise ConfigurationError(f"--set {text!r} must name one key, memory.latency=20 say")
    return key, int(value) if key != "name" and is_whole(value) else value
