"""``python -m tests.benchmarks.onnx_nodes``: what becomes of ONNX's own tests of its operators.

It writes ``docs/onnx_node_tests.md`` and ends with 1 if a result is wrong or a refusal unclear.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx

from tests.compiler.frontend.node_tests import EQUAL, NEAR, Verdict, embedded_cases, judged

PAGE = Path(__file__).resolve().parents[2] / "docs" / "onnx_node_tests.md"

#: Longest reason in the table.
_LONGEST = 240

_HEAD = """\
# ONNX's own tests of its operators

<!-- Written by `python -m tests.benchmarks.onnx_nodes`; change the program, not this page. -->

The `onnx` package {version} has tests of every operator (`onnx.backend.test.case.node`). Those of
operators in [supported_ops.md](supported_ops.md) with a real input stand here between two
convolutions of one tap and weight 1. The model is float and calibrated with the test's own values.
golden's results are compared with those that the tests have. Right is a ratio of signal to noise
of at least {near:g} dB, and {equal:.0%} of equal whole numbers; where rounding the input to int8
changes the result much, equality with onnxruntime's of the quantised model. A test "written out"
has the operators that define another one.

| tests | of them |
| --- | --- |
{counts}

## Refused

| test | operator | why |
| --- | --- | --- |
"""


def main() -> int:
    """Write the page: 0, or 1 for a wrong result or an unclear refusal."""
    argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0]).parse_args()
    verdicts = list(all_verdicts())
    PAGE.write_text(page(verdicts))
    faults = faulty(verdicts)
    for verdict in faults:
        print(*verdict, sep=": ")
    return min(len(faults), 1)


def all_verdicts() -> Iterator[Verdict]:
    """The verdict on every test."""
    with tempfile.TemporaryDirectory() as folder:
        for name, case in embedded_cases():
            yield judged(name, case, Path(folder))


def faulty(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those that are wrong or unclear."""
    return [v for v in verdicts if v.kind in ("wrong", "unclear")]


def page(verdicts: Sequence[Verdict]) -> str:
    """The whole page."""
    counts = Counter(v.kind for v in verdicts)
    rows = [f"| {kind} | {number} |" for kind, number in counts.most_common()]
    head = _HEAD.format(
        version=onnx.__version__,
        near=NEAR,
        equal=EQUAL,
        counts="\n".join([*rows, f"| all | {len(verdicts)} |"]),
    )
    refused = [v for v in verdicts if v.kind == "refused"]
    return head + "".join(f"| `{v.name}` | {v.operator} | {_cell(v.text)} |\n" for v in refused)


def _cell(text: str) -> str:
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
    return text.replace("|", "\\|")


if __name__ == "__main__":
    raise SystemExit(main())
