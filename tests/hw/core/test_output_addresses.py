"""BeatWalk against the pixels and planes of random commands, taken one by one."""

import random
from dataclasses import dataclass, fields

import pytest

from hw.core.output_addresses import OutputAddresses
from tests.hw.support.units import all_configs, execute_command, random_command, simulate

SETTLE = 3
SURELY = 4
"""Cycles that the parameters of an output block take at the least."""


@dataclass(frozen=True)
class Beat:
    """What the walk shows for one beat."""

    plane: int
    lane: int
    mask: int
    swap: bool
    addr: int
    other_addr: int
    near_end: bool
    last: bool


SHOWN = [field.name for field in fields(Beat) if field.name != "near_end"]


def pixel_groups(f, config):
    """Output block, first pixel, pixels and planes of every tile."""
    size = config.shape_pixels(f["array_shape"])
    for block in range(f["out_blocks"]):
        planes = f["last_planes"] if block == f["out_blocks"] - 1 else 1 << f["array_shape"]
        for first in range(0, f["pixels"], size):
            yield block, first, min(size, f["pixels"] - first), planes


def beats(f, config, block, first, pixels, planes):
    """The beats of one tile."""
    size = config.requant_words if f["dense"] else 1
    for plane in range(planes):
        for start in range(0, pixels, size):
            row, column = divmod(first + start, f["out_width"])
            within = row * (f["out_width"] + f["out_skip"]) + column
            number = (block << f["array_shape"]) + plane
            lane = plane * config.shape_pixels(f["array_shape"]) + start
            words = min(size, pixels - start)
            yield Beat(
                plane=plane,
                lane=lane,
                mask=(1 << words) - 1,
                swap=config.requant_words > 1 and not f["dense"] and lane % 2 == 1,
                addr=f["out_addr"] + number * f["out_plane"] + within,
                other_addr=f["res_addr"] + number * f["res_plane"] + within,
                near_end=plane == planes - 1 and pixels - start <= SURELY * size,
                last=plane == planes - 1 and start + size >= pixels,
            )


@all_configs
@pytest.mark.parametrize("part", range(3))
def test_beats_of_random_commands(part, config, seed):
    rng = random.Random(seed + part)
    dut = OutputAddresses(config)
    commands = [random_command(rng, config) for _ in range(12)]
    work = [
        (f, pixel_group, index == 0, pixel_group[1] == 0)
        for f in commands
        for index, pixel_group in enumerate(pixel_groups(f, config))
    ]

    async def bench(ctx):
        ctx.set(dut.next_surely, SURELY)
        near_end = 0

        async def tick():
            nonlocal near_end
            near_end = ctx.get(dut.next_near_end)
            await ctx.tick()
            ctx.set(dut.load, 0)
            ctx.set(dut.next, 0)

        def load(f, pixel_group, command_start, block_start):
            _, _, pixels, planes = pixel_group
            ctx.set(dut.next_dense, f["dense"])
            value = {
                "pixels": pixels,
                "planes": planes,
                "block_start": block_start,
                "command_start": command_start,
            }
            ctx.set(dut.load, 1)
            ctx.set(dut.pixel_group, value)
            return value

        held = load(*work[0])
        await tick()
        for number, (f, pixel_group, command_start, block_start) in enumerate(work):
            ctx.set(dut.cmd, execute_command(f))
            ctx.set(dut.current, held)
            if block_start:
                for _ in range(SETTLE):
                    await tick()
            following = work[number + 1 : number + 2]
            for place, beat in enumerate(beats(f, config, *pixel_group)):
                while rng.random() < 0.3:
                    await tick()
                shown = {name: ctx.get(getattr(dut, name)) for name in SHOWN}
                found = Beat(**shown, near_end=near_end)
                assert found == beat
                first = command_start and place == 0
                assert ctx.get(dut.command_first) == first
                ctx.set(dut.next, 1)
                if beat.last and following and rng.random() < 0.5:
                    held = load(*following.pop())
                await tick()
            if following:
                held = load(*following.pop())
                await tick()

    simulate(dut, bench)
