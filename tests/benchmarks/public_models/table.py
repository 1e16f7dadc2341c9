"""The page ``docs/public_models.md``, from the rows in ``docs/results/public_models.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.public_models.definitions import DEFINITIONS, VERSIONS
from tests.benchmarks.public_models.one_model import MOST_MACS
from tests.benchmarks.public_models.packaged import PACKAGED

_DOCS = Path(__file__).resolve().parents[3] / "docs"
ROWS = _DOCS / "results" / "public_models.json"
PAGE = _DOCS / "public_models.md"

#: The share of a model's multiply-accumulates that the array is to have.
ON_ARRAY = 0.99

_HEAD = """\
# Public models

<!-- Written by `python -m tests.benchmarks.public_models`; change the program, not this page. -->

What becomes of models that people have, on `edge256`: of {count}, {maps} map. Of these, {array}
have at least 99 % of their multiply-accumulates on the array. A row is written anew by

    .venv/bin/python -m tests.benchmarks.public_models NAME ... --python FILE

FILE is an interpreter whose environment has PyTorch and the packages of the definitions:
{versions}.

- **model**: a definition is exported by `torch.onnx.export` with random weights of a fixed seed.
  The files of other packages are fetched by version and SHA-256. The input is height x width x
  channels, as the graph has it.
- **on the array**: the share of the model's multiply-accumulates that no host computes.
- **cycles, use**: as `map` gives them. A float model is quantised with four seeded random inputs.
  Other inputs give other scales, which can change the cycles of additions and concatenations.
  Rows keep the cycles of the version that wrote them; the pipeline has become deeper since.
- **s, MiB**: processor time of loading, calibration and mapping, and the process's peak memory.
- **original**: outputs for one random input, of float models with at most {most} million products.
  Integers are compared with LiteRT's reference kernels, bit by bit. Real values give the ratio of
  signal to noise, next to onnxruntime or LiteRT in float. Noise as input and random weights make
  it no measure of accuracy; [quantisation.md](quantisation.md) has that of trained networks on
  pictures. A mask that noise leaves empty has hardly any signal.
"""


def page(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The whole page."""
    return "\n".join(_lines(rows)) + "\n"


def on_array(row: Mapping[str, Any]) -> float:
    """The share of the multiply-accumulates that the array computes."""
    return 1.0 - row["host_macs"] / row["macs"] if row["macs"] else 1.0


def _lines(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    mapped = {name: row for name, row in rows.items() if row["maps"]}
    yield _HEAD.format(
        count=len(rows),
        maps=len(mapped),
        array=sum(on_array(row) >= ON_ARRAY for row in mapped.values()),
        most=MOST_MACS // 1_000_000,
        versions=", ".join(f"{package} {version}" for package, version in VERSIONS.items()),
    )
    yield from _totals(rows)
    yield "\n## Models that map\n"
    head = ["model", "from", "input", "MACs, M", "on the array", "cycles", "use", "s", "MiB"]
    yield _row([*head, "original"])
    yield "|" + " --- |" * (len(head) + 1)
    for name, row in mapped.items():
        yield _row(
            [
                f"`{name}`",
                _source(name),
                row["shape"],
                f"{row['macs'] / 1e6:,.1f}",
                f"{on_array(row):.1%}",
                f"{row['cycles']:,}",
                f"{row['utilization']:.1%}",
                f"{row['seconds']:.1f}",
                f"{row['mib']:,}",
                row.get("original", ""),
            ]
        )
    hosted = {name: row for name, row in mapped.items() if on_array(row) < ON_ARRAY}
    if hosted:
        yield "\n## Products on the host\n"
        yield _row(["model", "share that the host computes, and why"])
        yield "| --- | --- |"
        for name, row in hosted.items():
            yield _row([f"`{name}`", _cell("; ".join(_causes(row)))])
    refused = {name: row for name, row in rows.items() if not row["maps"]}
    if refused:
        yield "\n## Refused\n"
        yield _row(["model", "from", "s", "why"])
        yield "| --- | --- | --- | --- |"
        for name, row in refused.items():
            seconds = f"{row['seconds']:.1f}" if "seconds" in row else ""
            yield _row([f"`{name}`", _source(name), seconds, _cell(row["why"])])


def _totals(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A table of counts by family."""
    yield _row(["family", "listed", "measured", "map", "at least 99 % on the array"])
    yield "|" + " --- |" * 5
    families: dict[str, list[str]] = {}
    for name in (*DEFINITIONS, *PACKAGED):
        families.setdefault(_family(name), []).append(name)
    for family, names in families.items():
        found = [rows[name] for name in names if name in rows]
        mapped = [row for row in found if row["maps"]]
        array = sum(on_array(row) >= ON_ARRAY for row in mapped)
        yield _row([family, *map(str, (len(names), len(found), len(mapped), array))])


def _family(name: str) -> str:
    return DEFINITIONS[name].family if name in DEFINITIONS else PACKAGED[name].family


def _causes(row: Mapping[str, Any]) -> Iterator[str]:
    """What the host computes by cause: its share of the products, the cause, the operators.

    A reason in a row is the operators of one part of the network, a colon and the cause.
    """
    products: dict[str, int] = {}
    operators: dict[str, dict[str, None]] = {}
    for reason, macs in row["host"].items():
        kinds, _, cause = reason.partition(": ")
        products[cause] = products.get(cause, 0) + macs
        operators.setdefault(cause, {}).update(dict.fromkeys(kinds.split(", ")))
    for cause, macs in products.items():
        yield f"{macs / row['macs']:.1%}: {cause} ({', '.join(operators[cause])})"


def _source(name: str) -> str:
    if name in PACKAGED:
        asset = PACKAGED[name].asset
        return f"{asset.package} {asset.version}"
    definition = DEFINITIONS[name]
    return f"{definition.package} {VERSIONS[definition.package]}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
