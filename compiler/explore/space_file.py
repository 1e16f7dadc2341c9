"""Reading a space from a TOML file."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from jsonschema import Draft202012Validator

from compiler import zoo
from compiler.config_options import DEFAULT_PRESET, read_config
from compiler.errors import MAX_SHOWN, InputError, located, show
from compiler.explore.expressions import Constraint
from compiler.explore.figures import FIGURES
from compiler.explore.functions import check_arguments, read_function
from compiler.explore.networks import REWRITE, Kind, NetworkEntry, rules_of
from compiler.explore.space import METHODS, Limit, Objective, Search, Space, machine_values
from compiler.explore.variables import MOST, Variable, variable
from compiler.extras import installed_version
from compiler.load import load_network
from compiler.map_cache import graph_digest
from compiler.quantities import CLOCKS
from compiler.source_digest import ROOT, source_digest
from compiler.zoo.families import RESOLUTION, arguments_of
from hw.spec.config import AccelConfig, preset
from hw.spec.config_keys import KEYS, ConfigurationError, size
from hw.tools.area.estimate import fitted
from hw.tools.synth.device import ECP5, TARGETS

MOST_POINTS = 10_000_000
"""Candidates of a search at most."""
_DECIDING = ("numpy", "onnxruntime", "optuna")
"""Packages whose version may change what a space gives."""
_KINDS: tuple[Kind, ...] = get_args(Kind)
_LABEL = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = {"type": "number"}
_COUNT = {"type": "integer", "minimum": 1, "maximum": MOST_POINTS}
_SCHEMA = {
    "type": "object",
    "properties": {
        "clock_mhz": _NUMBER,
        "target": {"enum": list(TARGETS)},
        "constraints": {"type": "array", "items": {"type": "string"}},
        "search": {
            "type": "object",
            "properties": {
                "method": {"enum": list(METHODS)},
                "points": _COUNT,
                "batch": {**_COUNT, "maximum": 100_000},
                "seed": {"type": "integer", "minimum": 0, "maximum": (1 << 32) - 1},
            },
            "additionalProperties": False,
        },
        "objectives": {"type": "object", "minProperties": 1},
        "limits": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "minProperties": 1,
                "properties": {"least": _NUMBER, "most": _NUMBER},
                "additionalProperties": False,
            },
        },
        "machine": {"type": "object"},
        "network": {"type": "array", "minItems": 1, "items": {"type": "object"}},
    },
    "required": ["objectives", "network"],
    "additionalProperties": False,
}


def read_space(path: Path) -> Space:
    """The space in a file, with everything that it names read.

    Paths in it begin at the file's folder. Raises InputError, which names the file and the key.
    """
    with located(path):
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as fault:
            raise InputError(fault.strerror) from None
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
            raise InputError(f"not valid TOML: {fault}") from None
        wrong = next(Draft202012Validator(_SCHEMA).iter_errors(document), None)
        if wrong is not None:
            where = ".".join(map(str, wrong.absolute_path))
            raise InputError(": ".join(filter(None, (where, wrong.message[:MAX_SHOWN]))))
        try:
            return _space(document, path.parent)
        except ConfigurationError as error:
            raise InputError(f"machine: {error}") from None


def _space(document: Mapping[str, Any], folder: Path) -> Space:
    base, machine = _machine(document.get("machine", {}), folder)
    networks = tuple(_entry(table, folder) for table in document["network"])
    labels = [entry.label for entry in networks]
    for label in labels:
        if labels.count(label) > 1 or label in machine_values(base) or label == "memory":
            raise InputError(f"network {show(label)}: in use; give another label to one of them")
    objectives = tuple(
        _objective(name, spec, folder) for name, spec in document["objectives"].items()
    )
    own = {o.name for o in objectives}
    limits = tuple(_limit(name, bounds, own) for name, bounds in document.get("limits", {}).items())
    clock = document.get("clock_mhz")
    if clock is not None and not CLOCKS[0] <= clock <= CLOCKS[1]:
        raise InputError(f"clock_mhz: {clock}; {CLOCKS[0]} to {CLOCKS[1]} is accepted")
    made = Space(
        base,
        machine,
        networks,
        objectives,
        limits,
        tuple(map(Constraint, document.get("constraints", ()))),
        _search(document.get("search", {})),
        None if clock is None else repr(clock),
        document.get("target", ECP5.name),
        "",
    )
    _check_constraints(made)
    if made.search.method == "grid" and made.size() > MOST_POINTS:
        raise InputError(
            f"search.method 'grid': {made.size():,} candidates; at most {MOST_POINTS:,} are "
            "accepted, or another method"
        )
    return dataclasses.replace(made, digest=_digest(made))


def _machine(table: Mapping[str, Any], folder: Path) -> tuple[AccelConfig, tuple[Variable, ...]]:
    """The machine that is changed, and the keys that are."""
    rest = dict(table)
    name, file = rest.pop("preset", None), rest.pop("config", None)
    for key, given in (("preset", name), ("config", file)):
        if not isinstance(given, str | None):
            raise InputError(f"machine: {key} {show(given)}; a name or a path is accepted")
    if name is not None and file is not None:
        raise InputError("machine: preset and config; one of them is accepted")
    base = preset(name or DEFAULT_PRESET) if file is None else read_config(folder / file)
    flat: dict[str, Any] = {}
    for key, value in rest.items():
        inner = value if key == "memory" and isinstance(value, dict) else None
        flat |= {key: value} if inner is None else {f"memory.{k}": v for k, v in inner.items()}
    for key in flat:
        if key not in KEYS or key in ("name", "shapes"):
            known = [name for name in KEYS if name not in ("name", "shapes")]
            raise InputError(
                f"machine: key {show(key)} is unknown; preset, config, {', '.join(known)} are "
                "accepted"
            )
    with located("machine"):
        return base, tuple(variable(key, value, size) for key, value in flat.items())


def _entry(table: Mapping[str, Any], folder: Path) -> NetworkEntry:
    rest = dict(table)
    kinds = [kind for kind in _KINDS if kind in rest]
    if len(kinds) != 1 or not isinstance(rest[kinds[0]], (str, list)):
        raise InputError(f"network {show(table)}: one of {', '.join(_KINDS)} is accepted")
    kind, target = kinds[0], rest.pop(kinds[0])
    calibration = rest.pop("calibrate", None)
    label = rest.pop("label", None) or _label(target)
    if not (isinstance(label, str) and _LABEL.fullmatch(label)):
        raise InputError(f"network {show(target)}: label {show(label)}; a name is accepted")
    if kind == "name" and isinstance(target, list):
        rest["name"] = target
    elif not isinstance(target, str):
        raise InputError(f"network {show(target)}: one {kind} is accepted")
    variables = tuple(variable(f"{label}.{key}", value, _same) for key, value in rest.items())
    entry = NetworkEntry(label, kind, str(target), variables)
    with located(f"network {label}"):
        if calibration is not None and kind != "file":
            raise InputError("calibrate: it is accepted with a file")
        if not isinstance(calibration, str | None):
            raise InputError(f"calibrate {show(calibration)}; a path is accepted")
        return _filled(entry, folder, calibration)


def _filled(entry: NetworkEntry, folder: Path, calibration: str | None) -> NetworkEntry:
    """The entry with its file, and with arguments that it takes."""
    for value in next((v.values for v in entry.variables if v.name.endswith(f".{REWRITE}")), ()):
        rules_of(value)
    if entry.kind == "name":
        accepted = {RESOLUTION, "name"} if "name" in entry.arguments else {RESOLUTION}
        names = next((v.values for v in entry.variables if v.name.endswith(".name")), None)
        for name in names or (entry.target,):
            if name not in zoo.names():
                raise InputError(f"name {show(name)}; accepted: {', '.join(zoo.names())}")
    elif entry.kind == "family":
        accepted = set(arguments_of(entry.target))
    elif entry.kind == "file":
        accepted = set()
        path = None if calibration is None else folder / calibration
        graph = load_network(str(folder / entry.target), path)
        if REWRITE in entry.arguments and not graph.random_weights:
            raise InputError(
                f"{REWRITE} with a file that has weights; compiler rewrite changes such a model, "
                "and its result is accepted"
            )
        entry = dataclasses.replace(entry, graph=graph)
    else:
        function = read_function(entry.target, folder)
        check_arguments(function, [name for name in entry.arguments if name != REWRITE])
        return dataclasses.replace(entry, function=function)
    for name in entry.arguments:
        if name not in accepted | {REWRITE}:
            known = ", ".join(sorted(accepted | {REWRITE}))
            raise InputError(f"argument {show(name)} is unknown; accepted: {known}")
    return entry


def _label(target: object) -> str:
    """A label from what is named: letters, digits and ``_``."""
    text = str(target[0] if isinstance(target, list) and target else target)
    return re.sub(r"\W", "_", Path(text.rpartition(":")[2]).stem, flags=re.ASCII)


def _same(value: object) -> object:
    return value


def _objective(name: str, spec: object, folder: Path) -> Objective:
    function = None
    goal = spec
    with located(f"objectives: {name}"):
        if isinstance(spec, dict) and set(spec) == {"goal", "function"}:
            goal, function = spec["goal"], read_function(str(spec["function"]), folder)
            function.load()
            if name in FIGURES or not name.isidentifier():
                raise InputError("the name of a function's figure; a new identifier is accepted")
        elif name not in FIGURES:
            raise InputError(f"unknown; {', '.join(FIGURES)} are accepted, or {{ goal, function }}")
        if goal not in ("min", "max"):
            raise InputError(f"{show(spec)}; 'min' or 'max' is accepted")
    return Objective(name, goal, function)


def _limit(name: str, bounds: Mapping[str, Any], own: set[str]) -> Limit:
    """A limit of a figure, maybe one of the user's ``own``."""
    if name not in FIGURES.keys() | own:
        raise InputError(f"limits: {show(name)} is unknown; accepted: {', '.join(FIGURES)}")
    for key, value in bounds.items():
        if not abs(value) <= MOST:
            raise InputError(f"limits: {name}: {key} {value}; -{MOST} to {MOST} is accepted")
    return Limit(name, bounds.get("least"), bounds.get("most"))


def _search(table: Mapping[str, Any]) -> Search:
    search = Search(**table)
    if search.method == "grid":
        for key in ("points", "batch", "seed"):
            if key in table:
                raise InputError(f"search.{key}: it is accepted with random, nsga2 and tpe")
    elif search.points is None:
        raise InputError(f"search.points is missing: candidates of a search by {search.method}")
    return search


def _check_constraints(space: Space) -> None:
    known = {v.name for v in space.variables} | machine_values(space.base).keys()
    for constraint in space.constraints:
        if unknown := constraint.names() - known:
            raise InputError(
                f"constraint {show(constraint.text)}: {', '.join(sorted(unknown))} unknown; "
                f"accepted: {', '.join(sorted(known))}"
            )


def _digest(space: Space) -> str:
    """The hash of the space without the number of candidates, of the content of all files that it
    names, wherever they lie, and of the versions of what decides results."""
    about = (
        space.base,
        space.machine,
        [(e.label, e.kind, _content(e), e.variables) for e in space.networks],
        [(o.name, o.goal, o.function and o.function.content) for o in space.objectives],
        space.limits,
        space.constraints,
        dataclasses.replace(space.search, points=None),
        space.clock,
        space.target,
        fitted(),
        source_digest(ROOT),
        [(package, installed_version(package)) for package in _DECIDING],
    )
    return hashlib.sha256(repr(about).encode()).hexdigest()


def _content(entry: NetworkEntry) -> object:
    """All that an entry's networks follow from, besides its variables."""
    if entry.graph is not None:
        return graph_digest(entry.graph)
    return entry.target if entry.function is None else entry.function.content
