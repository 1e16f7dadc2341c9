"""The report as HTML, and what the reader must know of a program."""

from __future__ import annotations

from pathlib import Path

from compiler.report.captions import CAPTIONS
from compiler.report.report import Report
from hw.spec.config import to_dict
from sim.program import HostNode, Program

TEMPLATE = Path(__file__).parent / "report.html.j2"


def render(report: Report, drawn: dict[str, bytes]) -> str:
    """One HTML page that needs no other file; ``drawn`` are the figures' SVG files by name."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    program = report.program
    return template.render(
        program=program,
        config=to_dict(program.config),
        summary=report.summary,
        remarks=remarks(program),
        rows=list(zip(report.names, report.rows, strict=True)),
        blocks=[
            (
                report.names[block.layers[0]],
                report.names[block.layers[-1]],
                block,
                block.efficiencies(report.roof),
            )
            for block in report.blocks
            if len(block.layers) > 1 and any(block.macs)
        ],
        sections=[
            (title, text, [_inline(drawn[name]) for name in drawn if name.startswith(kind)])
            for kind, (title, text) in CAPTIONS.items()
        ],
    )


def _inline(svg: bytes) -> str:
    """The part of an SVG file that stands in a page; its text is escaped already."""
    text = svg.decode("utf-8")
    return text[text.index("<svg") :]


def remarks(program: Program) -> list[str]:
    """Remarks for the reader: random weights, operators of the host, tensors not stored."""
    lines = model_remarks(program)
    if program.not_stored:
        lines.append(f"{len(program.not_stored)} tensors stay on the chip or are fused away.")
    return lines


def model_remarks(program: Program) -> list[str]:
    """Likewise, as far as the model has it so."""
    lines = []
    if program.random_weights:
        lines.append("The model has no weights: these are seeded random ones.")
    if program.random_calibration:
        lines.append(
            "Calibrated with seeded random inputs, so that answers may be far off: "
            "--calibrate takes real ones."
        )
    lines += [f"{note[0].upper()}{note[1:]}." for note in program.notes]
    return lines + host_remarks(program)


def host_remarks(program: Program) -> list[str]:
    """The host's operators by kind and reason, with their share of the values that nodes compute.

    Values are the elements of what the nodes make; a reshape makes none.
    """
    kinds: dict[tuple[str, str], list[HostNode]] = {}
    for found in program.host:
        kinds.setdefault((found.op, found.reason), []).append(found)
    lines = []
    for (op, reason), nodes in kinds.items():
        count, macs = sum(n.elements for n in nodes), sum(n.macs for n in nodes)
        uncounted = f", {macs:,} multiply-accumulates that are in no count" if macs else ""
        names = ", ".join(found.name for found in nodes)
        lines.append(
            f"On the host: {op} ({reason}), {count:,} of the network's {program.elements:,} "
            f"computed values ({count / max(program.elements, 1):.1%}){uncounted}: {names}."
        )
    if len(program.segments) > 1:
        lines.append(
            f"The machine runs {len(program.segments)} segments, the host between them; cycles "
            "are those of the machine."
        )
    return lines
