"""Who may import whom: an order of storeys, and no circles."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("hw", "sim", "golden", "compiler")

STOREYS = (
    """compiler.errors compiler.extras compiler.notes compiler.source_digest
    compiler.uncollected""",
    "compiler.cache_folder hw.tools.build_process",
    "hw.tools.plain_paths",
    """compiler.kernels compiler.lru_cache compiler.options compiler.process compiler.whole_files
    golden hw hw.spec hw.tools.verilator sim""",
    """compiler.dispatch compiler.ir compiler.quantities compiler.remembered golden.pictures
    hw.command_layouts sim.shares sim.timing sim.values""",
    """compiler.frontend compiler.hwir compiler.zoo golden.arrays hw.lib sim.program""",
    """compiler.clocks compiler.config_options compiler.quantize compiler.schedule
    compiler.workers hw.ctrl hw.mem sim.lost sim.program_reader sim.progress sim.scratchpad_use
    sim.traffic""",
    """compiler.codegen compiler.load compiler.machine compiler.passes hw.core sim.host""",
    """compiler.docgen compiler.driver compiler.training hw.top sim.simulation""",
    """hw.generate sim.report""",
    """compiler.estimator compiler.report hw.tools sim.host_golden sim.timeline""",
    """compiler.assets compiler.compare compiler.diff compiler.map_cache golden.bench
    sim.answers sim.files""",
    """compiler.evaluate compiler.extract compiler.info compiler.latencies compiler.mapping
    compiler.rewrite""",
    "compiler.explore",
    "compiler.commands hw.commands",
    """compiler.command_line compiler.demo compiler.interface golden.command_line hw.command_line
    sim.command_line""",
    """compiler compiler.__main__ compiler.completion golden.__main__ hw.__main__ sim.__main__""",
    "compiler.console",
)
"""Rooms by storey, from the ground up. A module belongs to the longest name that it begins with; it
imports from lower storeys and from its own room."""

TORCH = ("compiler.training", "golden.bench")
"""The packages that use PyTorch, an extra; of the others, only a command line imports one."""

HARDWARE = (
    "hw.command_layouts",
    "hw.core",
    "hw.ctrl",
    "hw.generate",
    "hw.lib",
    "hw.mem",
    "hw.top",
)
"""Modules that are written in Amaranth."""

FLOOR = {room: storey for storey, rooms in enumerate(STOREYS) for room in rooms.split()}


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@cache
def _modules() -> dict[str, Path]:
    """All modules outside tests, by name; a package goes by its own."""
    paths = [path for top in TOPS for path in sorted((ROOT / top).rglob("*.py"))]
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths)
    return {name.removesuffix(".__init__"): path for name, path in zip(names, paths, strict=True)}


def _imported(path: Path) -> set[str]:
    """The modules that a file imports, wherever in its text, ours by their full names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {module if module in _modules() else node.module for module in full}
    return found


@cache
def _imports(name: str) -> set[str]:
    return _imported(_modules()[name])


def _room(name: str) -> str:
    return max((room for room in FLOOR if _within(name, room)), key=len)


def _circles(graph: dict[str, set[str]]) -> list[str]:
    """The nodes that are left when those without an arrow to another one are taken away."""
    left = dict(graph)
    while free := [n for n, to in left.items() if not to & left.keys() - {n}]:
        for name in free:
            del left[name]
    return sorted(left)


def _packages(depth: int) -> dict[str, set[str]]:
    """The import graph of the packages and modules that have at most ``depth`` parts."""
    graph: dict[str, set[str]] = {}
    cut = {name: ".".join(name.split(".")[:depth]) for name in _modules()}
    for name, package in cut.items():
        used = {cut[m] for m in _imports(name) if m in cut}
        graph.setdefault(package, set()).update(used - {package})
    return graph


def test_every_module_imports_from_lower_storeys_or_its_own_room():
    wrong = [
        f"{name} imports {module}"
        for name in _modules()
        for module in sorted(_imports(name))
        if module.split(".")[0] in (*TOPS, "tests", "docs")
        and (
            module.split(".")[0] in ("tests", "docs")
            or (_room(module) != _room(name) and FLOOR[_room(module)] >= FLOOR[_room(name)])
        )
    ]
    assert not wrong


def test_every_room_exists():
    assert not FLOOR.keys() - _modules().keys()


@pytest.mark.parametrize("depth", [2, 9])
def test_there_are_no_circles(depth):
    assert not _circles(_packages(depth))


def test_nobody_imports_a_command_line_that_starts():
    paths = [*_modules().values(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "docs").rglob("*.py")]
    wrong = [path for path in paths if any("__main__" in m for m in _imported(path))]
    assert not wrong


def test_only_the_hardware_is_written_in_amaranth():
    users = {
        name for name in _modules() if any(_within(module, "amaranth") for module in _imports(name))
    }
    outside = {name for name in users if not any(_within(name, part) for part in HARDWARE)}
    assert not outside
    assert all(any(_within(name, part) for name in users) for part in HARDWARE)


def test_one_module_imports_numba_and_sets_its_cache():
    users = {name for name in _modules() if any(_within(m, "numba") for m in _imports(name))}
    assert users == {"compiler.kernels"}


def test_only_training_and_the_benchmark_of_golden_need_pytorch():
    def inside(name):
        return any(_within(name, package) for package in TORCH)

    users = {name for name in _modules() if any(_within(m, "torch") for m in _imports(name))}
    assert users and all(map(inside, users))
    importers = {
        name for name in _modules() if not inside(name) and any(map(inside, _imports(name)))
    }
    assert importers == {"golden.command_line"}


@pytest.mark.parametrize(
    "path",
    [str(p.relative_to(ROOT)) for p in _modules().values() if p.name == "__init__.py"],
)
def test_every_package_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8")))


def test_the_hardware_package_itself_imports_nothing():
    """So that ``hw.spec`` can be read without Amaranth."""
    assert not _imports("hw") and not _imports("hw.spec")
