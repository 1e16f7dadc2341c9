"""The harness around a small machine: timing, robustness, errors, and that its checks can fail."""

import dataclasses

import numpy as np
import pytest
from amaranth.back import verilog

from hw.spec.external_memory import Memory
from hw.tools import verilator
from hw.tools.cosim.design import (
    Design,
    port_width,
)
from hw.tools.cosim.run_spec import (
    ErrorRegion,
    MemoryModel,
    RunSpec,
    Silence,
    SoftReset,
)
from hw.tools.cosim.runner import (
    RtlError,
    run_rtl,
    run_rtl_many,
)
from hw.tools.cosim.waves import Waves
from tests.hw.tools.cosim import copy_engine as copy

pytestmark = pytest.mark.xdist_group("copy_engine")

WIDTH = 16
TARGET = 0x10000


@pytest.fixture(scope="module")
def design():
    text = verilog.convert(
        copy.CopyEngine(WIDTH), name="accelerator", strip_internal_attrs=True, emit_src=False
    )
    return Design(text, WIDTH, depth_bytes=1 << 20)


@pytest.fixture(scope="module")
def image(seed):
    return np.random.default_rng(seed).integers(0, 256, 2 * TARGET, dtype=np.uint8)


def copying(image, beats=1000, burst=64, source=0, fault=0, **settings):
    writes = (
        (copy.SOURCE, source),
        (copy.TARGET, TARGET + source),
        (copy.BEATS, beats),
        (copy.BURST, burst),
        (copy.FAULT, fault),
    )
    start = (copy.CONTROL, copy.START)
    return RunSpec(image, writes, start, reads=(copy.STATUS,), timeout=50_000, **settings)


def copied(image, run):
    writes = dict(run.writes)
    expected = image.copy()
    source, size = writes[copy.SOURCE], writes[copy.BEATS] * WIDTH
    expected[TARGET + source : TARGET + source + size] = image[source : source + size]
    return expected


def handshakes(result, channel):
    return [event for event in result.axi if event.channel == channel]


def cycles_of(result, channel):
    return [event.cycle for event in handshakes(result, channel)]


def last_beats(result, channel):
    return [event.cycle for event in handshakes(result, channel) if event.fields[0]]


def most_outstanding(opened, closed):
    """The most that are open at once when one that closes makes room in the next cycle only."""
    steps = sorted([(cycle, 1) for cycle in opened] + [(cycle + 1, -1) for cycle in closed])
    return int(np.cumsum([step for _, step in steps]).max())


def test_beats_come_in_the_stated_cycles(design, image):
    run = copying(image, axi_log=True)
    result = run_rtl(design, run)
    assert np.array_equal(result.dram, copied(image, run))
    assert result.registers == {copy.STATUS: copy.DONE}
    assert result.quiet
    reads, writes = cycles_of(result, "r"), cycles_of(result, "w")
    assert reads[0] == cycles_of(result, "ar")[0] + 64
    assert len(set(reads + writes)) == 2 * 1000  # one beat per cycle at most
    busy = sorted([(cycle, "r") for cycle in reads] + [(cycle, "w") for cycle in writes])[20:800]
    assert "".join(kind for _, kind in busy) in "rw" * 400  # both could move, so they took turns
    assert busy[-1][0] - busy[0][0] == len(busy) - 1
    assert cycles_of(result, "b") == [cycle + 8 for cycle in last_beats(result, "w")]


def test_sixteen_bursts_are_outstanding_and_no_more(design, image):
    short, slow = run_rtl_many(
        design,
        [
            copying(image, beats=300, burst=1, axi_log=True),
            copying(
                image, beats=64, burst=1, axi_log=True, memory=MemoryModel(Memory(latency=500))
            ),
        ],
    )
    for result in (short, slow):
        assert most_outstanding(cycles_of(result, "ar"), last_beats(result, "r")) == 16
        assert most_outstanding(cycles_of(result, "aw"), cycles_of(result, "b")) <= 16
    assert cycles_of(slow, "ar")[16] == cycles_of(slow, "ar")[0] + 500 + 1


def test_a_throttled_bus_moves_a_beat_every_few_cycles(design, image):
    run = copying(image, axi_log=True, memory=MemoryModel(Memory(bytes_per_cycle=4)))
    result = run_rtl(design, run)
    beats = sorted(cycles_of(result, "r") + cycles_of(result, "w"))
    assert np.diff(beats).min() == 4
    assert np.median(np.diff(beats)) == 4
    assert np.array_equal(result.dram, copied(image, run))


def test_runs_of_one_process_do_not_touch_each_other(design, image):
    long, short = copying(image), copying(image[::-1].copy(), beats=77, burst=5, source=0x320)
    results = run_rtl_many(design, [long, short, long, short])
    assert [r.cycles for r in results[:2]] == [r.cycles for r in results[2:]]
    for run, result in zip([long, short, long, short], results, strict=True):
        assert np.array_equal(result.dram, copied(run.image, run))


def test_only_the_range_asked_for_comes_back(design, image):
    run = copying(image, beats=10, dump=(TARGET + 3, TARGET + 160))
    result = run_rtl(design, run)
    assert np.array_equal(result.dram, image[3:160])


@pytest.mark.parametrize("memory", ["dram", "cocotbext"])
def test_gaps_change_nothing_but_time(design, image, seed, memory):
    rng = np.random.default_rng(seed)
    runs = [
        copying(
            image,
            beats=int(rng.integers(1, 500)),
            burst=int(rng.integers(1, 65)),
            source=WIDTH * int(rng.integers(0, 2000)),
            memory=MemoryModel(gap_seed=int(rng.integers(1 << 30)), gap_rate=rate),
        )
        for rate in (0.05, 0.3, 0.3, 0.6, 0.9)
    ]
    for run, result in zip(runs, run_rtl_many(design, runs, memory=memory), strict=True):
        assert np.array_equal(result.dram, copied(image, run))


def test_errors_reach_the_machine(design, image):
    read = copying(image, memory=MemoryModel(read_error=ErrorRegion(0x1008, 0x1009)), axi_log=True)
    region = ErrorRegion(TARGET + 0x100, TARGET + 0x120, resp=3)
    write = copying(image, memory=MemoryModel(write_error=region), axi_log=True)
    beyond = copying(image, beats=4, source=1 << 20, axi_log=True)
    results = run_rtl_many(design, [read, write, beyond])
    for result in results:
        assert result.registers[copy.STATUS] & copy.ERROR
    bad_reads = [i for i, event in enumerate(handshakes(results[0], "r")) if event.fields[1]]
    assert bad_reads == [0x100]
    assert [event.fields[0] for event in handshakes(results[1], "b")][:2] == [3, 0]
    expected = copied(image, write)
    expected[region.lo : region.hi] = image[region.lo : region.hi]
    assert np.array_equal(results[1].dram, expected)
    assert {event.fields[1] for event in handshakes(results[2], "r")} == {3}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (copy.WLAST, "wlast is wrong"),
        (copy.ARADDR, "ar payload changed"),
        (copy.ARBURST, "arburst is not INCR"),
        (copy.WDATA, "w payload changed"),
        (copy.PAGE, "ar burst crosses a 4 KiB boundary"),
        (copy.ANSWER, "axil b without an address"),
    ],
)
def test_a_breach_of_axi_is_reported(design, image, fault, message):
    gaps = MemoryModel(gap_rate=0.5, gap_seed=1)
    with pytest.raises(RtlError, match=f"run 1: AXI violation, cycle .*{message}"):
        run_rtl_many(design, [copying(image), copying(image, 200, 64, 0xE00, fault, memory=gaps)])


@pytest.mark.parametrize(("fault", "channel"), [(copy.ARRESET, "ar"), (copy.RRESET, "axil r")])
def test_a_valid_in_reset_is_reported(design, image, fault, channel):
    run = copying(image, beats=4, fault=fault)
    with pytest.raises(
        RtlError, match=f"run 1: AXI violation, .*{channel}valid is not low in reset"
    ):
        run_rtl_many(design, [run, run])


def test_a_machine_that_hangs_is_reported(design, image):
    run = dataclasses.replace(copying(image, fault=copy.HANG), timeout=3000)
    with pytest.raises(RtlError, match="run 0: no interrupt within 3000 cycles"):
        run_rtl(design, run)
    assert run_rtl(design, run, check=False).failure == "no interrupt within 3000 cycles"


def test_a_soft_reset_brings_the_machine_back(design, image):
    idle = (copy.STATUS, copy.BUSY, 0)
    plain = copying(image, axi_log=True)
    resets = [
        dataclasses.replace(plain, reset=SoftReset(after, (copy.CONTROL, copy.SOFT_RESET), idle))
        for after in (1, 100, 1234, 5000)
    ]
    expected, *results = run_rtl_many(design, [plain, *resets])
    for result in results:
        assert np.array_equal(result.dram, expected.dram)
        assert abs(result.cycles - expected.cycles) <= 2  # the bus turn outlives a soft reset
        assert len(handshakes(result, "w")) == 1000


def test_the_log_tells_what_each_unit_did(design, image):
    result = run_rtl(design, copying(image, beats=130))
    loads = [event for event in result.events if event.unit == "load"]
    assert [event.index for event in loads] == [0, 64, 128]
    works = [event for event in result.events if event.unit == "mac"]
    assert [event.index for event in works] == [63, 1]
    # the engine gives counter 0 for every cycle; the first two wait for a command
    last = works[-1].cycle
    assert [event.counts[-1] for event in works] == [2, 0]
    assert sum(sum(event.counts) for event in works) == last + 1


def test_the_simulation_is_fast_and_reports_progress(design, image):
    seen = []
    slow = MemoryModel(silence=Silence(("r",), after=0, cycles=110_000))
    runs = [dataclasses.replace(copying(image, memory=slow), timeout=10_000_000)] * 2
    results = run_rtl_many(design, runs, progress=lambda run, cycles: seen.append((run, cycles)))
    print(f"{results[0].cycles_per_second:,.0f} cycles/s")
    assert results[0].cycles > 100_000
    assert results[0].cycles_per_second > 10_000
    assert seen == sorted(seen)


@pytest.mark.full
def test_waves_are_recorded_on_request(design, image, tmp_path):
    run_rtl(design, copying(image, beats=4), waves=Waves(tmp_path / "run.vcd"))
    assert "m_axi_araddr" in (tmp_path / "run.vcd").read_text()


def test_a_build_that_fails_ends_with_the_tools_words(design):
    broken = dataclasses.replace(design, verilog=design.verilog.replace("m_axi_araddr", "renamed"))
    with pytest.raises(verilator.ToolError, match=r"harness.sv.*m_axi_araddr"):
        broken.build()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Memory(latency=0), "latency=0 must be an integer from 1 to 1000"),
        (lambda: MemoryModel(gap_rate=1.5), "gap_rate must be 0 to 0.99"),
        (lambda: Memory(bytes_per_cycle=5).interval(16), "bytes_per_cycle=5 must .* bus width, 16"),
        (lambda: ErrorRegion(5, 5), "lo and hi must be"),
        (lambda: ErrorRegion(0, 5, resp=1), "resp must be 2"),
        (lambda: Design("", 12), "data_bytes must be a power of two"),
        (lambda: RunSpec(np.zeros(4, np.int8), (), (0, 1)), "image must be one-dimensional uint8"),
        (lambda: port_width("module accelerator();\nendmodule", "irq"), "has no port 'irq'"),
    ],
)
def test_wrong_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
