"""Who may import whom: the parts of the project stay apart as docs and READMEs say."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("hw", "sim", "golden", "compiler")

RULES = {
    "golden": {"golden"},
    "golden.command_line": {"golden", "compiler.errors", "compiler.frontend"},
    # Times a network in PyTorch, beside what golden computes and the accelerator does.
    "golden.bench": {"golden", "compiler.errors"},
    "golden.bench.benchmark": {
        "golden",
        "compiler.errors",
        "compiler.ir.counts",
        "compiler.ir.graph",
        "hw.spec.config",
    },
    "golden.bench.command": {
        "golden.bench",
        "compiler.errors",
        "compiler.frontend",
        "compiler.quantities",
        "hw.spec.config",
        "sim.report",
    },
    "golden.bench.accelerator": {
        "compiler.codegen.program",
        "compiler.driver",
        "compiler.ir.graph",
        "compiler.options",
        "compiler.report.rows",
        "hw.spec.config",
        "sim.command_line",
        "sim.simulation",
        "sim.program_reader",
    },
    "hw": set(),
    # Plain data: readable without any other part.
    "hw.spec": {"hw.spec"},
    "hw.command_layouts": {"hw.spec"},
    "hw.lib": {"hw.command_layouts", "hw.spec"},
    "hw.mem": {"hw.mem", "hw.lib", "hw.command_layouts", "hw.spec"},
    "hw.ctrl": {"hw.ctrl", "hw.lib", "hw.command_layouts", "hw.spec"},
    "hw.core": {"hw.core", "hw.mem.scratchpad", "hw.lib", "hw.command_layouts", "hw.spec"},
    "hw.top": {
        "hw.core.execute_unit",
        "hw.ctrl",
        "hw.mem",
        "hw.lib",
        "hw.command_layouts",
        "hw.spec",
    },
    "hw.generate": {"hw.top", "hw.mem.scratchpad_bank", "hw.spec"},
    # Runs any Verilog; knows nothing of the machine.
    "hw.tools.verilator": set(),
    "hw.tools.icarus": {"hw.tools.verilator"},
    "hw.tools.cosim": {"hw.tools.cosim", "hw.tools.icarus", "hw.tools.verilator"},
    "hw.tools.integration": {"hw.tools.integration.ports", "hw.spec.config", "hw.spec.docgen"},
    "hw.tools.lint": {"hw.tools.verilator"},
    "hw.tools.synth": {"hw.tools.synth", "hw.spec.config", "hw.tools.verilator"},
    "hw.command_line": {
        "hw.tools.cosim",
        "hw.generate",
        "hw.tools.integration",
        "hw.tools.lint",
        "hw.spec",
        "hw.tools.synth",
        "hw.tools.verilator",
        "compiler.command_line",
        "compiler.errors",
        "compiler.frontend",
        "compiler.quantities",
        "golden.files",
        "golden.network",
        "sim.command_line",
        "sim.host",
        "sim.simulation",
        "sim.program_reader",
        "sim.report",
        "sim.values.memories",
    },
    "sim": {"sim", "hw.spec"},
    "sim.timing": {"sim.timing", "hw.spec"},
    "sim.values": {"sim.values", "hw.spec"},
    "sim.program": {"sim.values", "hw.spec"},
    "sim.program_reader": {"sim.program", "sim.timing.ctrl.decode_check", "sim.values", "hw.spec"},
    # The host's operators run in golden.
    "sim.command_line": {"sim", "golden.command_line", "golden.network"},
    "compiler": set(),
    "compiler.lru_cache": set(),
    "compiler.quantities": {"compiler.errors"},
    "compiler.ir": {"compiler.ir", "compiler.errors", "compiler.lru_cache"},
    "compiler.frontend": {"compiler.frontend", "compiler.ir", "compiler.errors"},
    # A float model is quantised before it is read.
    "compiler.load": {
        "compiler.frontend",
        "compiler.ir.graph",
        "compiler.quantize",
        "compiler.errors",
    },
    "compiler.quantize": {"compiler.quantize", "compiler.frontend.onnx", "compiler.errors"},
    "compiler.zoo": {"compiler.zoo", "compiler.ir", "compiler.errors"},
    # Lowering knows the arithmetic, not the machine's sizes.
    "compiler.passes": {
        "compiler.passes",
        "compiler.ir",
        "compiler.errors",
        "compiler.lru_cache",
        "compiler.options",
        "golden.fixed",
        "golden.functions",
        "golden.quant",
        "golden.resize",
    },
    "compiler.schedule": {
        "compiler.schedule",
        "compiler.hwir.network",
        "compiler.errors",
        "compiler.lru_cache",
        "hw.spec",
    },
    "compiler.codegen": {
        "compiler.codegen",
        "compiler.schedule",
        "compiler.hwir.network",
        "compiler.driver",
        "compiler.frontend.model_json",
        "compiler.ir.counts",
        "compiler.ir.graph",
        "compiler.errors",
        "compiler.lru_cache",
        "hw.spec",
    },
    "compiler.driver": {
        "compiler.codegen",
        "compiler.schedule",
        "compiler.passes",
        "compiler.ir",
        "compiler.errors",
        "compiler.options",
        "hw.spec",
    },
    "compiler.estimator": {
        "compiler.estimator",
        "compiler.codegen.weights",
        "compiler.driver",
        "compiler.ir",
        "compiler.options",
        "compiler.lru_cache",
        "compiler.schedule.planner",
        "hw.spec.config",
        "sim.simulation",
        "sim.program",
        "sim.timing",
    },
    # Explains what the compiler decided.
    "compiler.report": {
        "compiler.report",
        "compiler.codegen",
        "compiler.driver",
        "compiler.hwir.network",
        "compiler.schedule",
        "compiler.errors",
        "compiler.frontend.json_text",
        "hw.spec",
        "sim.simulation",
        "sim.program_reader",
        "sim.report",
    },
    # The page is derived from what accepts and refuses.
    "compiler.docgen": {"compiler.frontend", "compiler.ir", "compiler.passes"},
    "compiler.compare": {
        "compiler",
        "hw.spec",
        "sim.simulation",
        "sim.program_reader",
        "sim.report",
    },
    "compiler.assets": {"hw.tools.verilator"},
    "compiler.map_cache": {"compiler.ir.graph", "hw.tools.verilator"},
    "compiler.mapping": {
        "compiler",
        "hw.spec.config",
        "sim.simulation",
        "sim.program_reader",
        "sim.report",
    },
    "compiler.command_line": {"compiler", "hw.spec"},
    "compiler.demo": {
        "compiler",
        "golden.declared",
        "golden.quant",
        "hw.spec",
        "sim.command_line",
        "sim.simulation",
        "sim.program_reader",
        "sim.report",
    },
}
"""What the modules of a package may import of ours; a module goes by its longest entry."""

TORCH = "golden.bench"
"""The package that uses PyTorch, an extra; of the others, only the command line imports it."""

HARDWARE = ("hw.core", "hw.ctrl", "hw.generate", "hw.command_layouts", "hw.lib", "hw.mem", "hw.top")
"""Modules that are written in Amaranth."""


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@cache
def _modules() -> dict[str, Path]:
    """All modules outside tests, by name; a package goes by its own."""
    paths = [path for top in TOPS for path in sorted((ROOT / top).rglob("*.py"))]
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths)
    return {name.removesuffix(".__init__"): path for name, path in zip(names, paths, strict=True)}


@cache
def _imports(name: str) -> set[str]:
    """The modules that a module imports, wherever in its text, ours by their full names."""
    found = set()
    for node in ast.walk(ast.parse(_modules()[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports by a relative name"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {module if module in _modules() else node.module for module in full}
    return found


def _ours(name: str) -> set[str]:
    """Likewise, those of the project."""
    return {module for module in _imports(name) if module.split(".")[0] in (*TOPS, "tests")}


def _rule(name: str) -> str:
    return max((key for key in RULES if _within(name, key)), key=len)


def test_every_module_imports_what_its_rule_allows():
    wrong = [
        f"{name} imports {module}"
        for name in _modules()
        for module in sorted(_ours(name))
        if not any(_within(module, allowed) for allowed in RULES[_rule(name)])
    ]
    assert not wrong


def test_no_rule_allows_what_nobody_needs():
    used = {
        (_rule(name), allowed)
        for name in _modules()
        for allowed in RULES[_rule(name)]
        if any(_within(module, allowed) for module in _ours(name))
    }
    permitted = {(key, allowed) for key, rule in RULES.items() for allowed in rule}
    assert permitted == used
    assert {_rule(name) for name in _modules()} == set(RULES)


def test_only_the_hardware_is_written_in_amaranth():
    users = {
        name for name in _modules() if any(_within(module, "amaranth") for module in _imports(name))
    }
    outside = {name for name in users if not any(_within(name, part) for part in HARDWARE)}
    assert not outside
    assert all(any(_within(name, part) for name in users) for part in HARDWARE)


def test_only_the_latency_of_golden_needs_pytorch():
    users = {name for name in _modules() if any(_within(m, "torch") for m in _imports(name))}
    assert users and all(_within(name, TORCH) for name in users)
    importers = {
        name
        for name in _modules()
        if not _within(name, TORCH) and any(_within(m, TORCH) for m in _imports(name))
    }
    assert importers == {"golden.command_line"}


@pytest.mark.parametrize(
    "path",
    [str(path.relative_to(ROOT)) for path in _modules().values() if path.name == "__init__.py"],
)
def test_every_package_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8")))


def test_the_hardware_package_itself_imports_nothing():
    """So that ``hw.spec`` can be read without Amaranth."""
    assert not _imports("hw") and not _imports("hw.spec")
