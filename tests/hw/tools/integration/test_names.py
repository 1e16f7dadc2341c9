"""Several machines in one design: ``hw generate --name``."""

from __future__ import annotations

import re
import subprocess

import pytest

from hw.command_line import main
from hw.spec.config import preset, with_values
from hw.spec.docgen import c_header, c_machine_header
from hw.spec.fingerprint import fingerprint
from hw.tools.integration.files import HERE as INTEGRATION
from hw.tools.lint import lint

SETTINGS = {"left": ["cols=4"], "right": ["cols=8", "requant_lanes=8", "line_words=4"]}
"""Two small machines with different buses."""
BOTH = """
module both(input wire clk, input wire rst, output wire [1:0] irq);
  left_system left (.clk(clk), .rst(rst), .irq(irq[0]));
  right_system right (.clk(clk), .rst(rst), .irq(irq[1]));
endmodule
"""
MODULE = re.compile(r"^module\s+([^\s(]+)", re.MULTILINE)
C_FLAGS = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only")


def generate(folder, name: str) -> None:
    words = ["generate", "--preset", "tiny", "--set", "scratchpad_bytes=2048", "-o", str(folder)]
    settings = [word for text in SETTINGS[name] for word in ("--set", text)]
    assert main([*words, "--name", name, *settings]) == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Both machines in one folder."""
    path = tmp_path_factory.mktemp("both")
    for name in SETTINGS:
        generate(path, name)
    return path


def verilog_of(folder) -> str:
    """The Verilog of both machines."""
    files = (f"{name}_{file}" for name in SETTINGS for file in ("accel.v", "system.v"))
    return "".join((folder / file).read_text() for file in files)


def machine(name: str):
    values = dict(text.split("=") for text in SETTINGS[name])
    return with_values(
        preset("tiny"), {k: int(v) for k, v in values.items()} | {"scratchpad_bytes": 2048}
    )


def test_a_top_has_two_machines(folder):
    modules = MODULE.findall(verilog_of(folder))
    assert len(set(modules)) == len(modules) > 20
    assert all(re.match(r"\\?(left|right)_", name) for name in modules), modules


@pytest.mark.full
def test_a_top_with_two_machines_lints_clean(folder):
    assert lint(verilog_of(folder) + BOTH, "both") == []


def test_files_of_one_machine_have_its_name(folder):
    files = ("accel.v", "system.v", "ports.json", "ports.md", "accel.svd", "regs.h")
    own = {f"{name}_{file}" for name in SETTINGS for file in files}
    assert {path.name for path in folder.iterdir()} == own | {"regs.h", "accel.h", "accel.c"}
    assert "MACHINE_FINGERPRINT" not in (folder / "regs.h").read_text()
    assert "module left_accelerator" in (folder / "left_ports.md").read_text()


def test_one_program_knows_both_fingerprints(folder):
    values = [f"{name}_MACHINE_FINGERPRINT" for name in SETTINGS]
    checks = [
        f"typedef char {name}_is_its_own[{value} == {fingerprint(machine(name))}u ? 1 : -1];"
        for name, value in zip(SETTINGS, values, strict=True)
    ]
    lines = [f'#include "{name}_regs.h"' for name in SETTINGS] + ['#include "accel.h"', *checks]
    (folder / "check.c").write_text("\n".join(lines) + "\n")
    for source in ("check.c", "accel.c"):
        subprocess.run(["gcc", *C_FLAGS, source], cwd=folder, check=True)
    (folder / "check.c").unlink()


@pytest.mark.parametrize(
    "names", [("accel",), ("ACCEL",), ("a", "A"), ("system", "a_a")], ids="-".join
)
def test_no_name_hides_the_header_of_another(tmp_path, names):
    """Headers in both orders: each defines its own fingerprint, and regs.h its own."""
    (tmp_path / "regs.h").write_text(c_header(None))
    (tmp_path / "accel.h").write_text((INTEGRATION / "accel.h").read_text())
    for name, size in zip(names, (2048, 4096), strict=False):
        own = with_values(preset("tiny"), {"scratchpad_bytes": size})
        (tmp_path / f"{name}_regs.h").write_text(c_machine_header(own, f"{name}_"))
    for order in (names, names[::-1]):
        checks = [
            f"typedef char own_{name}[({name}_MACHINE_FINGERPRINT >> 16) == {lines - 1}u ? 1 : -1];"
            for name, lines in zip(names, (64, 128), strict=False)
        ]
        lines = [f'#include "{name}_regs.h"' for name in order]
        (tmp_path / "check.c").write_text(
            "\n".join([*lines, '#include "accel.h"', "unsigned id = ACCEL_ID;", *checks]) + "\n"
        )
        subprocess.run(["gcc", *C_FLAGS, "check.c"], cwd=tmp_path, check=True)


def test_without_a_name_the_header_has_the_fingerprint(tmp_path):
    assert main(["generate", "--preset", "tiny", "-o", str(tmp_path)]) == 0
    defined = f"#define ACCEL_FINGERPRINT_VALUE 0x{fingerprint(preset('tiny')):08x}u\n"
    assert defined in (tmp_path / "regs.h").read_text()
    modules = MODULE.findall((tmp_path / "accel.v").read_text())
    assert {"accelerator", "scratchpad_bank"} <= set(modules)


@pytest.mark.parametrize("name", ["", "2nd", "a b", "a.b", "ä", "x" * 65])
def test_a_name_that_is_no_identifier_is_refused(tmp_path, capsys, name):
    assert main(["generate", "--name", name, "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: --name {name!r}") and error.count("\n") == 1
    assert not (tmp_path / "out").exists()
