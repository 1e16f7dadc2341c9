"""A proof by Yosys that cells of ECP5 do what plain Verilog does."""

from pathlib import Path

from hw.tools.synth import tools

SOURCE = "compared.v"
PROOF = f"""
read_verilog -nooverwrite +/ecp5/cells_sim.v
read_verilog -formal {SOURCE}
hierarchy -top compared
proc
flatten
chformal -lower
opt_clean
sat -verify -prove-asserts -set-def-inputs
"""


def prove(folder: Path, verilog: str) -> None:
    """Prove the assertions of module ``compared`` of the Verilog for all inputs, in ``folder``.

    Raises ToolError when one of them can fail.
    """
    (folder / SOURCE).write_text(verilog)
    tools.run(tools.YOSYS, ["-q", "-p", "; ".join(PROOF.split("\n")[1:-1])], folder, "yosys.log")
