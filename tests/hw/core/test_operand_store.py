"""The operand store: random steps through the ring, padding and taps of every lane."""

import random
from collections import deque

from hw.core.operand_store import OperandStore
from hw.spec.timing import LINE_LATENCY, TAP_GROUP_RING
from tests.hw.support.units import LineReads, all_configs, join, scrambled, simulate
from tests.hw.support.walk import Lane, WalkStep

REACH = 8
"""Columns from the first to the last tap of a step, at most."""
HELD = 120
"""Cycles in which no step leaves, so that the ring fills."""


def _random_lane(rng, width, reach, line_words):
    """A lane whose taps may begin before the input row and end after it."""
    x, row = rng.randint(-REACH - 2, width + 2), rng.randrange(2000)
    inside = rng.random() < 0.9
    columns = [c for c in range(x, x + reach + 1) if 0 <= c < width] if inside else []
    lines = sorted({(row + c) // line_words for c in columns})
    return Lane(x, row + x, (columns[0], columns[-1]) if columns else None, tuple(lines))


def _driven(lane, line_words):
    """The lane as OperandStore takes it."""
    first, last = lane.columns or (lane.x, lane.x)
    return {
        "offset": lane.address % (2 * line_words),
        "first": first - lane.x,
        "last": last - lane.x,
        "inside": lane.columns is not None,
    }


class _Producer:
    """Requests the lines of random steps and pushes each with its last line."""

    def __init__(self, rng, config, width, tap_groups):
        self.rng, self.config, self.width, self.left = rng, config, width, tap_groups
        self.pushed = deque()
        self._next()

    def _next(self):
        rng = self.rng
        words = self.config.line_words
        self.reach = rng.randint(0, words)
        lanes = (_random_lane(rng, self.width, self.reach, words) for _ in range(self.config.rows))
        self.tap_group = WalkStep({"last_tap": self.left % 16}, tuple(lanes), self.config.rows)
        self.requests = self.tap_group.requests

    def drive(self, ctx, dut, cycle):
        """Drive a cycle; returns the word address of the line requested in it."""
        works = bool(self.left) and ctx.get(dut.tap_groups.room) and self.rng.random() < 0.8
        address = None
        ctx.set(dut.taking.en, works and bool(self.requests))
        if works and self.requests:
            line, lanes = self.requests.pop(0)
            address = line * self.config.line_words
            ctx.set(dut.taking.lanes, lanes)
            ctx.set(dut.taking.high, line % 2)
        pushes = works and not self.requests
        ctx.set(dut.tap_groups.push, pushes)
        if pushes:
            ctx.set(dut.tap_groups.tap_group, self.tap_group.fields)
            words = self.config.line_words
            ctx.set(dut.tap_groups.lanes, [_driven(lane, words) for lane in self.tap_group.lanes])
            self.pushed.append((cycle, self.tap_group, self.reach))
            self.left -= 1
            self._next()
        return address


@all_configs
def test_lanes_find_their_words(config, seed):
    rng = random.Random(seed)
    dut = OperandStore(config)
    pad = rng.getrandbits(8)
    width = rng.randint(6, 20)
    reads = LineReads(config, scrambled)
    producer = _Producer(rng, config, width, tap_groups=60)
    padding = join([pad] * config.cols, 8)

    async def bench(ctx):
        ctx.set(dut.pad, pad)
        cycle, fullest = 0, 0
        while producer.left or producer.pushed:
            ctx.set(dut.line, reads.line())
            ring = len(producer.pushed)
            fullest = max(fullest, ring)
            assert ctx.get(dut.tap_groups.room) == (ring < TAP_GROUP_RING)
            assert ctx.get(dut.in_flight) == (ring > 0)
            visible = ring > 0 and cycle >= producer.pushed[0][0] + LINE_LATENCY
            assert ctx.get(dut.visible) == visible
            reads.request(producer.drive(ctx, dut, cycle))
            pops = visible and cycle >= HELD and rng.random() < 0.3
            ctx.set(dut.pop, pops)
            if visible:
                _, tap_group, reach = producer.pushed[0]
                assert ctx.get(dut.head.last_tap) == tap_group.fields["last_tap"]
                offset = rng.randint(0, reach)
                ctx.set(dut.offset, offset)
                for p, lane in enumerate(tap_group.lanes):
                    inside = lane.columns and 0 <= lane.x + offset < width
                    expected = scrambled(lane.address + offset) if inside else padding
                    assert ctx.get(dut.words[p]) == expected
            if pops:
                producer.pushed.popleft()
            await ctx.tick()
            cycle += 1
        assert fullest == TAP_GROUP_RING

    simulate(dut, bench)
