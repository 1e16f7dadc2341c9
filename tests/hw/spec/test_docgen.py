import subprocess

import pytest

from hw.spec import docgen, isa, regs


@pytest.mark.parametrize(
    ("path", "text"), docgen.pages().items(), ids=lambda v: getattr(v, "name", "")
)
def test_pages_are_fresh(path, text):
    assert path.read_text() == text, f"{path.name} is stale: run python -m hw.spec.docgen"


@pytest.mark.parametrize("opcode", list(isa.Opcode))
def test_every_field_has_a_row_and_no_bit_has_two_owners(opcode):
    text = docgen.isa_markdown()
    section = text.split(f"## {opcode.name}\n")[1].split("\n## ")[0]
    assert all(f"| `{f.name}` |" in section for f in isa.FIELDS[opcode])
    owned = [f.bit + i for f in isa.FIELDS[opcode] for i in range(f.width)]
    assert len(owned) == len(set(owned))


def test_header_compiles_and_holds_every_offset(tmp_path):
    (tmp_path / "regs.h").write_text(docgen.c_header())
    checks = "".join(
        f'static_assert(ACCEL_{r.name.upper()} == {r.offset}, "{r.name}");\n'
        for r in regs.registers()
    )
    source = tmp_path / "check.c"
    source.write_text(f'#include "regs.h"\n{checks}')
    subprocess.run(["g++", "-x", "c++", "-Wall", "-Werror", "-fsyntax-only", source], check=True)
