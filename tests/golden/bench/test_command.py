"""``python -m golden latency`` on the CPU."""

import json
from pathlib import Path

import pytest
import torch

from compiler.load import load_model
from golden.bench.modes import (
    arithmetic,
    moved,
    moved_inputs,
    prepared,
)
from golden.bench.module import (
    Network,
    as_torch,
    stored_inputs,
)
from golden.bench.peaks import published_peak
from golden.command_line import main
from sim.command_line import main as sim_main
from tests.benchmarks.latency import FOLDER, reports, table
from tests.support.quantities import NO_QUANTITIES

DOCS = Path(__file__).resolve().parents[3] / "docs"
QUICK = ("--device", "cpu", "--processor-time", "--seconds", "0.001", "--preset", "tiny")
KEYS = {
    "date",
    "command",
    "network",
    "random_weights",
    "macs",
    "model_macs",
    "operations",
    "batch",
    "device",
    "timer",
    "versions",
    "peak",
    "caches",
    "flushed_bytes",
    "agreement",
    "runs",
    "host",
    "left_out",
    "layers",
    "accelerator",
}


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The example of docs/model_format.md."""
    text = (DOCS / "model_format.md").read_text().split("```json")[1].split("```")[0]
    path = tmp_path_factory.mktemp("latency") / "small.json"
    path.write_text(text)
    return path


def latency(model, *arguments):
    return main(["latency", str(model), *QUICK, *arguments])


def test_json(model, capsys, tmp_path):
    assert latency(model, "--mode", "eager", "--batch", "2", "--clock", "250", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report.keys() == KEYS
    assert report["operations"] == 2 * 2 * report["macs"]
    assert [run["precision"] for run in report["runs"]] == ["fp32", "fp16", "bf16"]
    (machine,) = report["accelerator"]
    peak = report["peak"]["operations_per_second"]["fp32"]
    for run, most in [
        *((run, peak) for run in report["runs"]),
        (machine, machine["peak_operations_per_second"]),
    ]:
        seconds = report["operations"] / (run["efficiency"] * most)
        assert seconds * 1e3 == pytest.approx(run["milliseconds"])
    assert report["host"] == [] and {layer["on"] for layer in report["layers"]} == {"array"}
    assert (report["caches"], report["flushed_bytes"]) == ("warm", None)
    for run in report["runs"]:
        assert run["device"] == "cpu" and run["agrees"] and run["host"] is run["whole"] is None
        assert run["least"] <= run["low"] <= run["milliseconds"] <= run["high"]
    assert [layer["name"] for layer in report["layers"]] == ["stem", "mix", "sum", "pool", "scores"]
    assert sum(layer["macs"] for layer in report["layers"]) == report["model_macs"]
    assert report["macs"] == report["model_macs"]
    assert machine["milliseconds"] == pytest.approx(machine["cycles"] / 250e3)
    assert machine["cycles"] == 2 * simulated_cycles(model, tmp_path, capsys)


def simulated_cycles(model, tmp_path, capsys):
    from compiler.command_line import main as compiler_main

    folder = str(tmp_path / "mapped")
    assert compiler_main(["map", str(model), "-o", folder, "--preset", "tiny"]) == 0
    capsys.readouterr()
    assert sim_main(["run", folder, "--no-values", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["cycles"]


def test_every_line_says_cpu(model, capsys):
    assert latency(model, "--mode", "eager", "--precision", "fp32", "--peak", "0.5") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 10 and all(line.startswith("[CPU] ") for line in lines)
    assert "[CPU] peak: given by --peak" in lines
    (said,) = (line for line in lines if "caches" in line)
    assert said.startswith("[CPU] caches warm: repeats find in the device's caches")
    (said,) = (line for line in lines if "both sides" in line)
    assert said.startswith("[CPU] all operators run on the accelerator's array")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--device", "tpu"], "--device 'tpu'; accepted: cuda, cpu"),
        (["--precision", "fp32,fp8"], "--precision 'fp8'; accepted: fp32, fp16, bf16"),
        (["--mode", "graph"], "--mode 'graph'; accepted: eager, compiled"),
        (["--batch", "0"], "--batch '0'; a whole number from 1 to 4096 is accepted"),
        (["--batch", "9" * 20], f"--batch '{'9' * 20}'; a whole number from 1 to 4096 is accepted"),
        *(
            (
                [f"--peak={text}"],
                f"--peak {text!r}; 1e-06 to 1e+06 TOPS (10^12 operations per second) is accepted",
            )
            for text in ("none", "", *NO_QUANTITIES)
        ),
        *(
            ([f"--seconds={text}"], f"--seconds {text!r}; 1e-06 to 1e+06 seconds is accepted")
            for text in ("soon", *NO_QUANTITIES)
        ),
        *(
            (
                ["--clock=200", f"--clock={text}"],
                f"--clock {text!r}; 1e-06 to 1e+06 MHz is accepted",
            )
            for text in ("fast", *NO_QUANTITIES)
        ),
        (["--preset", "huge"], "--preset 'huge'; accepted: tiny"),
    ],
)
def test_a_faulty_option_is_one_line_and_status_2(model, capsys, arguments, message):
    assert latency(model, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}") and error.count("\n") == 1


def test_a_missing_gpu_is_status_2(model, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["latency", str(model), "--device", "cuda"]) == 2
    assert "finds no CUDA device; cpu is accepted" in capsys.readouterr().err


def test_a_table_of_stored_values_is_status_2(tmp_path, capsys):
    path = tmp_path / "model.json"
    quant = {"scale": 1.0, "zero_point": 0}
    shape = {"shape": [1, 4], "dtype": "int8", "quant": quant}
    path.write_text(
        json.dumps(
            {
                "format": "cnn-graph",
                "version": 1,
                "name": "table",
                "inputs": ["x"],
                "outputs": ["y"],
                "tensors": {"x": shape, "y": shape, "t": {"shape": [256], "dtype": "int8"}},
                "nodes": [{"op": "lookup", "inputs": ["x", "t"], "outputs": ["y"]}],
            }
        )
    )
    assert latency(path, "--peak", "1") == 2
    assert "lookup has no meaning in real numbers" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, fp16",
    [
        ("NVIDIA H200", 989.5e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("Tesla T4", 65e12),
    ],
)
def test_published_peaks_are_of_dense_matrices(name, fp16):
    assert published_peak(name).of("fp16") == fp16


@pytest.mark.parametrize("name", ["NVIDIA A10G", "NVIDIA H100 80GB HBM3 MIG 1g.10gb", "NVIDIA"])
def test_the_peak_of_another_device_is_unknown(name):
    assert published_peak(name) is None


@pytest.mark.full
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_compiled_outputs_are_the_eager_ones(model):
    """Needs a C++ compiler, and its time."""
    form = load_model(model).to_dict()
    tensors, network = form["tensors"], Network(form)
    inputs = [as_torch(x, tensors["picture"]) for x in stored_inputs(form, 2, 0)]
    module, inputs = moved(network, "cpu", "fp32"), moved_inputs(inputs, "cpu", "fp32")
    with torch.inference_mode(), arithmetic("fp32"):
        compiled = prepared(module, inputs, "compiled")()
        torch.testing.assert_close(compiled, prepared(module, inputs, "eager")())


def test_the_table_of_the_docs_is_that_of_the_results():
    text = (DOCS / "latency.md").read_text().splitlines()
    rows = list(table(reports(FOLDER)))
    start = text.index(rows[0])
    assert text[start : start + len(rows)] == rows
