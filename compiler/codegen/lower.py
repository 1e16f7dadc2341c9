"""Placed tile operations to commands in program order, with waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from compiler.codegen.commands import CONSTANTS, Command, Span
from compiler.codegen.execute import Executes, Operands, executes
from compiler.codegen.fields import Placement
from compiler.codegen.hazards import set_waits
from compiler.codegen.memory import check_memory
from compiler.codegen.weights import Constants
from compiler.errors import AllocationError
from compiler.hwir.feature_map import FeatureMap, origin
from compiler.schedule.room import too_many
from compiler.schedule.schedule import Schedule
from compiler.schedule.tile_ops import Buffer, TileOp
from compiler.schedule.tiles import Tile, input_tile, whole
from hw.spec.isa import MOST_COMMANDS, Opcode


class Lowering:
    """Emits the commands of a schedule. ``constants`` collects weights and tables for LOADs,
    ``known`` has the EXECUTEs of other networks' tile operations."""

    def __init__(
        self, schedule: Schedule, constants: Constants, known: Executes | None = None
    ) -> None:
        self.schedule = schedule
        self.config = schedule.config
        self.cols = schedule.config.cols
        self.maps = schedule.network.maps
        self.constants = constants
        self._known = known
        self.commands: list[Command] = []
        self._counts: Counter[Opcode] = Counter()
        self._places: dict[tuple[str, int, int], int] = {}

    def run(self) -> list[Command]:
        """The whole program."""
        loads = self.schedule.loads
        position = 0
        for tile_op in self.schedule.tile_ops:
            while position < len(loads) and loads[position].issue <= tile_op.index:
                self._emit(self._load(loads[position]))
                position += 1
            self._emit(self._execute(tile_op))
            self._emit(self._store(tile_op))
        self.commands.append(Command(Opcode.END, -1, "end of program"))
        stored = {c.memory for c in self.commands if c.opcode == Opcode.STORE}
        sizes = {name: self.maps[name].words(self.cols) for name in self.maps if name in stored}
        check_memory(self.schedule.network, sum(sizes.values()) * self.cols)
        set_waits(self.commands, self.config.scratchpad_words, sizes)
        return self.commands

    def _emit(self, commands: Iterable[Command]) -> None:
        """Append the commands. Raises AllocationError for more of a kind than a wait counts."""
        for command in commands:
            kind = command.opcode
            self._counts[kind] += 1
            if self._counts[kind] > MOST_COMMANDS:
                name = self.schedule.network.graph.name
                raise AllocationError(too_many(name, f"more than {MOST_COMMANDS}", kind.name))
            self.commands.append(command)

    def _load(self, buffer: Buffer) -> Iterator[Command]:
        if buffer.role in ("weights", "table"):
            yield self._load_constants(buffer)
            return
        source = self.maps[buffer.map]
        if source.external:
            yield self._load_pixels(buffer, source)
            return
        yield from self._transfers(
            Opcode.LOAD, buffer.layer, source, _in_buffer(buffer), buffer.tile, buffer.planes
        )

    def _load_constants(self, buffer: Buffer) -> Command:
        """A chunk's parameters and weights, or the layer's table."""
        op = self.schedule.network.ops[buffer.layer]
        key = (buffer.role, buffer.layer, buffer.chunk)
        if key not in self._places:
            chunks = self.schedule.plans[buffer.layer].chunks
            chunk = None if buffer.role == "table" else chunks[buffer.chunk]
            self._places[key] = self.constants.add(op, chunk, buffer.words, self.cols)
        fields = {
            "dram_addr": self._places[key],
            "scratchpad_addr": buffer.address,
            "row_count": 1,
            "row_length": buffer.words,
        }
        span = Span(buffer.address, buffer.words)
        text = f"{op.name} {buffer.role} {buffer.chunk} to {span}"
        return Command(
            Opcode.LOAD, buffer.layer, text, fields, scratchpad_writes=(span,), memory=CONSTANTS
        )

    def _load_pixels(self, buffer: Buffer, source: FeatureMap) -> Command:
        """Pixels of the network's input, each a word."""
        tile = buffer.tile
        assert buffer.planes == (0, 1), source.name
        offset = (tile.top * source.width + tile.left) * source.channels
        if tile.width == source.width:
            shape = {"row_count": 1, "row_length": tile.pixels}
        else:
            shape = {"row_count": tile.height, "row_length": tile.width}
        fields = {
            "dram_addr": offset,
            "dram_stride": source.width * source.channels,
            "scratchpad_addr": buffer.address,
            "scratchpad_stride": tile.width,
            **shape,
            "unpack": 1,
            "flip": int(source.flip),
            "channels": source.channels,
            "plane": tile.pixels,
        }
        span = Span(buffer.address, tile.pixels)
        text = f"{source.name}{tile} to {span}"
        return Command(
            Opcode.LOAD,
            buffer.layer,
            text,
            fields,
            scratchpad_writes=(span,),
            memory=origin(self.maps, source.name)[0],
        )

    def _transfers(
        self,
        opcode: Opcode,
        layer: int,
        m: FeatureMap,
        place: Placement,
        tile: Tile,
        planes: tuple[int, int],
    ) -> Iterator[Command]:
        """LOADs or STOREs of ``tile`` of some planes between ``place`` and the map in memory."""
        for text, scratchpad, memory in self._moves(m, place, tile, planes):
            loads = opcode == Opcode.LOAD
            yield Command(
                opcode,
                layer,
                text,
                self._dma(scratchpad, memory),
                scratchpad_reads=() if loads else (scratchpad,),
                scratchpad_writes=(scratchpad,) if loads else (),
                memory=origin(self.maps, m.name)[0],
                memory_span=memory,
            )

    def _moves(
        self, m: FeatureMap, place: Placement, tile: Tile, planes: tuple[int, int]
    ) -> Iterator[tuple[str, Span, Span]]:
        """Text and words in scratchpad and memory of each transfer.

        Whole rows of the map are one row of the transfer for each plane. Otherwise every plane
        takes a command with a row for each row of the map, or every row of the map a command with
        a row for each plane, whichever is fewer. Words of memory count from the first of the map
        that ``m`` is part of.
        """
        first, count = planes
        name = f"{m.name}{tile} planes {first}:{first + count}"
        start = origin(self.maps, m.name)[1] * m.pixels + tile.top * m.width + tile.left
        if tile.width == m.width == place.tile.width:
            scratchpad = Span(place.pixel(first, tile.top, 0), tile.pixels, count, place.pitch)
            memory = Span(first * m.pixels + start, tile.pixels, count, m.pixels)
            merged = scratchpad.simplified(), memory.simplified()
            if merged[0].rows == merged[1].rows:
                scratchpad, memory = merged
            yield f"{name} at {scratchpad}", scratchpad, memory
            return
        for scratchpad, memory in _window_spans(m, place, tile, planes, start):
            yield f"{name} at {scratchpad}", scratchpad, memory

    def _dma(self, scratchpad: Span, memory: Span) -> dict[str, int]:
        return {
            "dram_addr": memory.base * self.cols,
            "dram_stride": memory.stride * self.cols,
            "scratchpad_addr": scratchpad.base,
            "scratchpad_stride": scratchpad.stride,
            "row_count": scratchpad.rows,
            "row_length": scratchpad.length,
        }

    def _place(self, buffer: Buffer | None, name: str, tile_op: TileOp) -> Placement:
        """Place of an operand of the tile operation: in its buffer, or in the scratchpad, whole or
        in part."""
        if buffer is not None:
            return _in_buffer(buffer)
        root, plane = origin(self.maps, name)
        slot, m = self.schedule.slots[root], self.maps[name]
        rows = _window(m, tile_op) if slot.recomputed else whole(m)
        return Placement(self.schedule.places[root], rows, -plane, slot.pitch)

    def _execute(self, tile_op: TileOp) -> Iterator[Command]:
        op = tile_op.op
        operands = Operands(
            self._place(tile_op.source, op.source, tile_op),
            self._place(tile_op.output, op.output, tile_op),
            self._place(tile_op.other, op.residual.other, tile_op) if op.residual else None,
            self._place(None, op.factor, tile_op) if op.factor else None,
            tile_op.weights.address,
            Span(tile_op.table.address, tile_op.table.words) if tile_op.table else None,
        )
        for made in executes(tile_op, operands, self._known):
            yield Command(
                Opcode.EXECUTE, tile_op.layer, made.text, made.fields, made.reads, made.writes
            )

    def _store(self, tile_op: TileOp) -> Iterator[Command]:
        if not tile_op.stores:
            return
        output = tile_op.site.output
        place = self._place(tile_op.output, output.name, tile_op)
        planes = (tile_op.chunk.first_plane, tile_op.chunk.planes)
        yield from self._transfers(Opcode.STORE, tile_op.layer, output, place, tile_op.tile, planes)


def _window(m: FeatureMap, tile_op: TileOp) -> Tile:
    """The rows of the map that the tile operation makes or reads."""
    made = m.name == tile_op.op.output
    tile = tile_op.tile if made else input_tile(tile_op.op, m, tile_op.tile)
    return Tile(tile.top, tile.bottom, 0, m.width)


def _in_buffer(buffer: Buffer) -> Placement:
    return Placement(buffer.address, buffer.tile, buffer.planes[0], buffer.tile.pixels)


def _window_spans(
    m: FeatureMap, place: Placement, tile: Tile, planes: tuple[int, int], start: int
) -> Iterator[tuple[Span, Span]]:
    """Scratchpad and memory spans of the commands that move a window narrower than its map.

    ``start`` is the word of its first pixel in memory.
    """
    first, count = planes
    if count <= tile.height:
        for plane in range(first, first + count):
            scratchpad = place.pixel(plane, tile.top, tile.left)
            yield (
                Span(scratchpad, tile.width, tile.height, place.tile.width),
                Span(plane * m.pixels + start, tile.width, tile.height, m.width),
            )
        return
    for row in range(tile.height):
        scratchpad = place.pixel(first, tile.top + row, tile.left)
        yield (
            Span(scratchpad, tile.width, count, place.pitch),
            Span(first * m.pixels + start + row * m.width, tile.width, count, m.pixels),
        )
