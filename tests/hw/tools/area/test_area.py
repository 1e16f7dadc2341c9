"""``hw area``: its formulas against Yosys' results, and its exact parts against each of them."""

import json
import statistics

import numpy as np
import pytest

from compiler.clocks import PLACED
from hw.command_line import main
from hw.spec.config import PRESETS, preset
from hw.tools.area import asic, hard_blocks
from hw.tools.area.estimate import estimate, fitted
from hw.tools.area.terms import FORMULAS, values
from hw.tools.area.units import REGISTERS, UNITS, unit_of
from hw.tools.synth.device import ASIC, ECP5, TARGETS
from tests.benchmarks.areas.configurations import CONFIGURATIONS, is_held_out, key_of
from tests.benchmarks.areas.fit import error, fit
from tests.benchmarks.areas.gates import memory_bits
from tests.benchmarks.areas.rows import FITTED_RESOURCES, gate_cells, read, synthesised

ROWS = {target: read(target) for target in FITTED_RESOURCES}
MEDIAN, WORST = 5, 10
"""Percent of the LUTs by which held-out configurations may be off."""


def area(capsys, *words):
    assert main(["area", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("target", FITTED_RESOURCES)
def test_the_data_are_of_known_configurations_each_once(target):
    keys = [key_of(row.config) for row in ROWS[target]]
    assert set(keys) <= set(map(key_of, CONFIGURATIONS)) and len(set(keys)) == len(keys)


@pytest.mark.parametrize("target", FITTED_RESOURCES)
def test_units_add_up_to_what_the_tool_counted_for_the_whole(target):
    for row in ROWS[target]:
        for name in FITTED_RESOURCES[target]:
            assert sum(unit[name] for unit in row.units.values()) == row.resources[name]


@pytest.mark.parametrize("target", TARGETS)
def test_luts_of_held_out_configurations_are_near(target):
    found = [
        100 * abs(estimate(row.config, target).resources["luts"] / row.resources["luts"] - 1)
        for row in ROWS[target]
        if is_held_out(row.config)
    ]
    assert found and statistics.median(found) < MEDIAN and max(found) <= WORST
    known = fitted()[target]
    assert known["median_error"] == pytest.approx(statistics.median(found), abs=0.1)
    assert known["worst_error"] == pytest.approx(max(found), abs=0.1)


@pytest.mark.parametrize("target", FITTED_RESOURCES)
def test_the_coefficients_are_those_of_the_data(target):
    again, known = fit(target), fitted()[target]
    for name in FITTED_RESOURCES[target]:
        for row in ROWS[target]:
            assert error(again, row, target, name) == pytest.approx(
                error(known, row, target, name), abs=1e-3
            )


@pytest.mark.parametrize("target", FITTED_RESOURCES)
def test_the_fitted_rows_tell_terms_with_coefficients_apart(target):
    used = [row.config for row in ROWS[target] if not is_held_out(row.config)]
    for name in FITTED_RESOURCES[target]:
        for unit, coefficients in fitted()[target][name].items():
            kept = [term for term, value in coefficients.items() if value]
            terms = [[values(config, target, unit)[term] for term in kept] for config in used]
            assert np.linalg.matrix_rank(terms) == len(kept), (unit, kept)


@pytest.mark.parametrize("target", TARGETS)
def test_multipliers_and_block_rams_are_exact(target):
    assert ROWS[target]
    for row in ROWS[target]:
        found = estimate(row.config, target).resources
        for name in ("multipliers", "block_rams"):
            assert found[name] == row.resources[name], (target, name, key_of(row.config))


def test_cells_belong_to_the_longest_path():
    assert unit_of("core.execute.array.lane12.acc3_TRELLIS_FF_Q_28") == "array"
    assert unit_of("core.execute.drain.requant.channel0.x_LUT4_Z") == "requantiser"
    assert unit_of("core.execute.drain.part_PFUMX_Z_118") == "drain"
    assert unit_of("core.execute.weights$145.store.0") == "weight store"
    assert unit_of("core.execute__payload.ones_LUT4_D") == "command fetch"
    assert unit_of("core.store_queue.item3_TRELLIS_FF_Q") == "command queues"
    assert unit_of("counters.total_CCU2C_S1_20") == unit_of("irq_LUT4_Z") == REGISTERS


def test_every_unit_has_a_formula():
    assert UNITS.keys() == FORMULAS.keys()


@pytest.mark.parametrize("name", PRESETS)
def test_the_command_gives_resources_by_unit(name, capsys):
    found = area(capsys, "--preset", name)
    assert found["target"] == "ecp5" and found["limits"]["luts"] == 83_640
    for resource in ("luts", "flip_flops"):
        units = found["units"].values()
        assert sum(unit[resource] for unit in units) == found["resources"][resource]
    assert found["extrapolated"] == (found["mac_units"] > found["fitted_mac_units"])


def test_the_clock_is_that_of_a_placed_machine_or_unknown(capsys):
    assert area(capsys, "--preset", "tiny")["clock_mhz"] == PLACED["tiny"]
    assert area(capsys, "--preset", "tiny", "--set", "queue_depth=2")["clock_mhz"] is None
    assert area(capsys, "--preset", "tiny", "--target", "xilinx")["clock_mhz"] is None


def test_products_beyond_the_multipliers_are_said_to_be_of_luts(capsys):
    assert area(capsys, "--preset", "ecp5")["lut_products"] == 8
    assert main(["area", "--preset", "ecp5"]) == 0
    assert "8 products of the array are made of LUTs" in capsys.readouterr().out


def test_ecp5_25_fits_the_device_that_it_is_for(capsys):
    """What an LFE5U-25F has, by Lattice's data sheet FPGA-DS-02012."""
    used = area(capsys, "--preset", "ecp5_25")["resources"]
    assert used["multipliers"] == 28
    assert used["block_rams"] <= 56
    assert used["luts"] <= 24_000 and used["flip_flops"] <= 24_000


def test_larger_machines_are_said_to_be_extrapolated(capsys):
    assert main(["area", "--preset", "edge1024", "--target", "xilinx"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Extrapolated: 1,024 MAC units" in text


def test_an_unknown_target_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["area", "--target", "ice40"])
    assert ended.value.code == 2 and "'ice40'" in capsys.readouterr().err


def test_a_chip_has_gates_macros_and_an_area(capsys):
    found = area(capsys, "--preset", "edge256", "--target", ASIC)
    assert found["gates"] == sum(found["units"].values())
    assert found["multipliers"] == {"8 x 8": 256, "32 x 32": 32}
    macros = {macro["use"]: macro for macro in found["sram_macros"]}
    bank = macros["scratchpad"]
    assert (bank["number"], bank["words"], bank["bits"]) == (8, 7936, 128)
    areas = found["mm2_estimate"]
    assert areas["total"] == pytest.approx(areas["gates"] + areas["stores"] + areas["SRAM"])
    assert found["energy_pj_estimate"].keys() >= {"multiply_accumulate", "scratchpad", "dram"}
    assert main(["area", "--preset", "edge256", "--target", ASIC]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "28 nm, estimated" in text and "Horowitz" in text


@pytest.mark.full
@pytest.mark.xdist_group("synthesis")
def test_a_synthesised_machine_is_what_the_formulas_say():
    row = synthesised(CONFIGURATIONS[1], ECP5.name)
    found = estimate(row.config, ECP5.name).resources
    for name in ("luts", "flip_flops"):
        assert found[name] == pytest.approx(row.resources[name], rel=0.1)
    for name in ("multipliers", "block_rams"):
        assert found[name] == row.resources[name]


@pytest.mark.full
@pytest.mark.xdist_group("synthesis")
def test_the_memories_of_a_chip_are_those_of_its_netlist(tmp_path):
    config = preset("tiny")
    listed = [*hard_blocks.memories(config), *asic.stores(config)]
    expected = {}
    for memory in listed:
        size = memory.words, memory.bits
        expected[size] = expected.get(size, 0) + memory.number
    assert memory_bits(gate_cells(config, tmp_path)) == expected
