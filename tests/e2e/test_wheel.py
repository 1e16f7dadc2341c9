"""The wheel in an environment of its own, outside the checkout: first plain, then with extras."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import compiler
from compiler.command_line import main as compiler_main
from tests.support.float_onnx import calibration_of, mobile_net

pytestmark = [pytest.mark.full, pytest.mark.xdist_group("wheel")]

ROOT = Path(compiler.__file__).parents[1]
PACKAGED = ("compiler", "golden", "hw", "sim", "pyproject.toml", "LICENSE")
NETWORK = "mobilenet_v1_025"


def run(folder, *words):
    """The output of a command in ``folder``, without what this process adds to its paths."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    env["XDG_CACHE_HOME"] = str(folder / "cache")
    ended = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
    return ended.returncode, ended.stdout, ended.stderr


def done(folder, *words):
    """The output of a command that must succeed."""
    code, out, err = run(folder, *words)
    assert code == 0, err
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the wheel and an environment in which it alone is installed."""
    path = tmp_path_factory.mktemp("wheel")
    source = path / "source"
    source.mkdir()
    for name in PACKAGED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    done(path, sys.executable, *pip, "wheel", "--no-deps", "-w", str(path), str(source))
    done(path, sys.executable, "-m", "venv", str(path / "venv"))
    install(path, "")
    return path


def install(folder, extras):
    """Install the wheel with these extras, in the versions of the tests."""
    (wheel,) = folder.glob("convsim-*.whl")
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    constraints = ROOT / "constraints.txt"
    done(folder, python(folder), *pip, "-c", str(constraints), f"{wheel}{extras}")


def python(folder):
    return str(folder / "venv" / "bin" / "python")


def test_the_plain_install_answers_as_the_checkout_does(folder, capsys):
    """Map and simulate a built-in network and a file, time one, show a machine, and say what an
    .onnx model needs."""
    words = (NETWORK, "--preset", "tiny")
    assert compiler_main(["map", *words, "-o", str(folder / "ours"), "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)
    script = str(folder / "venv" / "bin" / "convsim")
    module = (python(folder), "-m")
    mapped = json.loads(done(folder, *module, "compiler", "map", *words, "-o", "out", "--json"))
    timed = json.loads(done(folder, script, "latency", *words, "--json"))
    cycles = json.loads(done(folder, script, "sim", "run", "out", "--json"))["cycles"]
    assert mapped["cycles"] == ours["cycles"] == cycles == timed["networks"][0]["cycles"]
    assert (folder / "out" / "program.bin").read_bytes() == (
        folder / "ours" / "program.bin"
    ).read_bytes()
    done(folder, script, "zoo", "mbconv_block", "-o", "block.json")
    done(folder, *module, "compiler", "map", "block.json", "-o", "block")
    keys = json.loads(done(folder, *module, "hw", "config", "--preset", "tiny", "--json"))
    assert keys
    (folder / "model.onnx").write_bytes(b"x")
    code, _, err = run(folder, script, "map", "model.onnx", "-o", "none")
    assert code == 1 and "convsim[onnx]" in err and err.count("\n") == 1


def test_extras_add_models_reports_and_the_hardware(folder, generator):
    install(folder, "[onnx,report,rtl]")
    script = str(folder / "venv" / "bin" / "convsim")
    model = folder / "float.onnx"
    model.write_bytes(mobile_net(generator).bytes())
    calibration = calibration_of(folder / "cal.npy", generator)
    words = ("map", str(model), "--calibrate", str(calibration), "--preset", "tiny", "-o", "float")
    done(folder, script, *words)
    assert (folder / "float" / "report.html").is_file()
    np.save(folder / "x.npy", np.zeros((1, 3, 16, 16), np.float32))
    done(folder, script, "sim", "run", "float", "--input", "x.npy", "--output", "y.npy")
    assert (folder / "y.npy").is_file()
    done(folder, script, "hw", "generate", "--preset", "tiny", "-o", "tiny")
    assert (folder / "tiny" / "accel.v").is_file()


def test_no_module_comes_from_the_checkout(folder):
    code = "import compiler, golden, hw, sim; print(*(m.__file__ for m in (compiler, hw, sim)))"
    for path in done(folder, python(folder), "-c", code).split():
        assert Path(path).is_relative_to(folder / "venv")
