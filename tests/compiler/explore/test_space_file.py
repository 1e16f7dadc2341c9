"""Spaces in files: what they mean, and what is refused."""

from pathlib import Path
from textwrap import dedent

import pytest

from compiler.errors import InputError
from compiler.explore.space_file import read_space

NETWORK = '[[network]]\nname = "resnet20"\n'
CYCLES = '[objectives]\ncycles = "min"\n'
LEAST = NETWORK + CYCLES
NETS = """\
from compiler import GraphBuilder

def net(width, kernel=3):
    builder = GraphBuilder("net", (8, 8, 4))
    return builder.finish(builder.conv("conv", "input", width, kernel))

def accuracy(point, graph):
    return 1.0
"""


def read(folder, text):
    (folder / "nets.py").write_text(NETS)
    path = folder / "space.toml"
    path.write_text(dedent(text))
    return read_space(path)


def test_ranges_and_lists_are_the_values_of_variables(tmp_path):
    space = read(
        tmp_path,
        """
        constraints = ["rows * cols <= 256", "rows >= net.width or memory.latency < 64"]
        [machine]
        preset = "tiny"
        rows = [8, 16]
        scratchpad_bytes = { from = "64KiB", to = "256KiB", factor = 2 }
        memory.latency = { from = 10, to = 31, step = 10 }
        [[network]]
        function = "nets.py:net"
        width = { from = 4, to = 8, step = 2 }
        [[network]]
        family = "mobilenet_v1"
        width = { from = 0.1, to = 0.3, step = 0.1 }
        [objectives]
        cycles = "min"
        """,
    )
    assert {v.name: v.values for v in space.variables} == {
        "rows": (8, 16),
        "scratchpad_bytes": (65536, 131072, 262144),
        "memory.latency": (10, 20, 30),
        "net.width": (4, 6, 8),
        "mobilenet_v1.width": (0.1, 0.2, 0.3),
    }
    assert space.size() == 2 * 3 * 3 * 3 * 3
    assert len({tuple(space.combination(i).values()) for i in range(space.size())}) == 162


def test_constraints_know_the_whole_machine(tmp_path):
    text = LEAST + '[machine]\npreset = "tiny"\nrows = [4, 8]\ncols = [4, 8]\n'
    space = read(tmp_path, f'constraints = ["mac_units < 64", "bus_bytes <= rows"]\n{text}')
    kept = [tuple(v.values()) for v in map(space.combination, range(4)) if space.allows(v)]
    assert kept == [(4, 4), (8, 4)]


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("rows == 8 and not cols > 4", True),
        ("4 <= rows < 8 or cols % 3 == 0", False),
        ("min(rows, cols) // 2 + -1 == 1 and abs(cols - rows) >= 4", True),
        ("rows / cols != 2", False),
    ],
)
def test_expressions_mean_what_python_means(expression, holds, tmp_path):
    space = read(tmp_path, LEAST + '[machine]\npreset = "tiny"\nrows = 8\ncols = 4\n')
    space = read(
        tmp_path, f"constraints = ['{expression}']\n" + (tmp_path / "space.toml").read_text()
    )
    assert eval(expression, {"rows": 8, "cols": 4}) is holds
    assert space.allows({"rows": 8, "cols": 4}) is holds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'objectives' is a required property"),
        ("x = 1\n" + LEAST, "Additional properties are not allowed ('x' was unexpected)"),
        ("a = [", "not valid TOML"),
        (NETWORK + "[objectives]\nspeed = 'max'", "objectives: speed: unknown; cycles, "),
        (NETWORK + "[objectives]\ncycles = 'least'", "'least'; 'min' or 'max' is accepted"),
        (LEAST + "[limits]\nspeed = { most = 1 }", "limits: 'speed' is unknown; accepted: cycles"),
        (LEAST + "[machine]\nrow = 8", "machine: key 'row' is unknown; preset, config, rows,"),
        (LEAST + "[machine]\npreset = 'big'", "preset 'big' is unknown"),
        (LEAST + "[machine]\npreset = ['tiny']", "preset ['tiny']; a name or a path is accepted"),
        (CYCLES + "[[network]]\nfile = 'x.onnx'\ncalibrate = 3", "calibrate 3; a path"),
        (LEAST + "[machine]\npreset = 'tiny'\nconfig = 'x.json'", "one of them is accepted"),
        (LEAST + "[machine]\nrows = [8, 8]", "machine: rows = [8, 8]: a value stands twice"),
        (LEAST + "[machine]\nrows = [8, 'x']", "all numbers, all texts or all flags"),
        (LEAST + "[machine]\nrows = { from = 8 }", "rows = {'from': 8}: a value, a list"),
        (LEAST + "[machine]\nrows = { from = 8, to = 4, step = 1 }", "from <= to"),
        (LEAST + f"[machine]\nqueue_depth = {1 << 63}", "to 9223372036854775807 are accepted"),
        (LEAST + "[machine]\nqueue_depth = nan", "queue_depth = nan: numbers from -922337203"),
        (LEAST + "[machine]\nrows = { from = 1, to = inf, factor = 2 }", "numbers from -922337"),
        (LEAST + "[machine]\nrows = { from = 1e-99, to = 8, factor = 2 }", "at least 1e-10"),
        (LEAST + "[limits]\ncycles = { most = nan }", "limits: cycles: most nan; -922337203"),
        (LEAST + "[limits]\ncycles = { least = -inf }", "limits: cycles: least -inf; -9223"),
        ("target = 'asic'\n" + LEAST, "target: 'asic' is not one of ['ecp5', 'xilinx']"),
        ("clock_mhz = nan\n" + LEAST, "clock_mhz: nan; 1e-06 to 1000000.0 is accepted"),
        (LEAST + "[machine]\nrows = { from = 0, to = 1, step = 1e-9 }", "more than 100,000"),
        (CYCLES + "[[network]]\nname = 'resnet'", "network resnet: name 'resnet'; accepted: "),
        (CYCLES + "[[network]]\nname = 'resnet20'\nwidth = 2", "argument 'width' is unknown"),
        (CYCLES + NETWORK + "rewrite = ['', 'no_rule']", "rule 'no_rule'; accepted: depthwise_svd"),
        (CYCLES + NETWORK + "rewrite = 3", "rewrite 3; rules with spaces between them"),
        (CYCLES + "[[network]]\nfamily = 'vgg'", "family 'vgg'; accepted: efficientnet_lite"),
        (CYCLES + "[[network]]\nfile = 'no.onnx'", "no.onnx: cannot be read"[:8]),
        (CYCLES + "[[network]]\nlabel = 'x'", "one of name, file, family, function is accepted"),
        (CYCLES + NETWORK + NETWORK, "network 'resnet20': in use; give another label"),
        (
            CYCLES + "[[network]]\nfunction = 'nets.py:net'",
            "arguments none: missing a required argument: 'width'",
        ),
        (CYCLES + "[[network]]\nfunction = 'nets.py:no'", "nets.py: no function 'no'"),
        (CYCLES + "[[network]]\nfunction = 'net'", "function 'net'; FILE.py:NAME is accepted"),
        ("constraints = ['rows <']\n" + LEAST, "constraint 'rows <': no expression"),
        ("constraints = ['depth > 1']\n" + LEAST, "constraint 'depth > 1': depth unknown"),
        ("constraints = ['open(1)']\n" + LEAST, "constraint 'open(1)': 'open(1)'; numbers, "),
        (LEAST + "[search]\nmethod = 'random'", "search.points is missing"),
        (LEAST + "[search]\npoints = 3", "search.points: it is accepted with random"),
        (LEAST + "[search]\nmethod = 'anneal'", "search.method: 'anneal' is not one of"),
        (
            LEAST + "[machine]\nqueue_depth = { from = 1, to = 9000, step = 1 }\n"
            "rows = { from = 1, to = 9000, step = 1 }",
            "search.method 'grid': 81,000,000 candidates",
        ),
    ],
)
def test_a_wrong_space_is_refused_in_one_line(text, said, tmp_path):
    with pytest.raises(InputError) as fault:
        read(tmp_path, text)
    assert str(fault.value).startswith(f"{tmp_path / 'space.toml'}: ")
    assert said in str(fault.value)


@pytest.mark.parametrize("side", ["0", "32.5", "'32'", "true"])
def test_a_resolution_that_cannot_be_is_refused(side, tmp_path):
    space = read(tmp_path, f"{CYCLES}{NETWORK}resolution = {side}\n")
    (point,) = space.points(space.combination(0))
    with pytest.raises(InputError, match=r"resnet20: .* accepted"):
        space.entry("resnet20").build(dict(point.arguments))


def test_only_the_number_of_candidates_leaves_the_digest(tmp_path):
    def digest(points, seed, rows=8):
        return read(
            tmp_path,
            f"{LEAST}[machine]\nrows = {rows}\n"
            f"[search]\nmethod = 'random'\npoints = {points}\nseed = {seed}\n",
        ).digest

    assert digest(3, 0) == digest(5, 0)
    assert len({digest(3, 0), digest(3, 1), digest(3, 0, rows=16)}) == 3


def test_the_digest_is_that_of_contents_wherever_files_lie(tmp_path, monkeypatch):
    text = f"{CYCLES}[[network]]\nfunction = 'nets.py:net'\nwidth = 4\n"
    digests = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        digests.append(read(tmp_path / name, text).digest)
    monkeypatch.chdir(tmp_path / "a")
    digests.append(read(Path(), text).digest)
    assert len(set(digests)) == 1
    monkeypatch.setattr("importlib.metadata.version", lambda package: "0.1")
    assert read(tmp_path / "a", text).digest != digests[0]
    monkeypatch.undo()
    digest = read(tmp_path / "a", text.replace("width = 4", "width = 4\nkernel = 5")).digest
    assert digest != digests[0]
