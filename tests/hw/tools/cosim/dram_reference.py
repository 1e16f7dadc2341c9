"""The memory model's timing statement (the header of dram.sv) in Python, one cycle per step."""

from dataclasses import dataclass, field


@dataclass
class Burst:
    addr: int
    beats: int
    accepted: int
    moved: int = 0
    last_beat: int | None = None
    resp: int = 0


@dataclass
class Inputs:
    arvalid: int = 0
    araddr: int = 0
    arlen: int = 0
    rready: int = 0
    awvalid: int = 0
    awaddr: int = 0
    awlen: int = 0
    wvalid: int = 0
    wdata: int = 0
    wstrb: int = 0
    bready: int = 0


@dataclass
class DramReference:
    data_bytes: int
    depth_bytes: int
    latency: int
    interval: int
    read_error: tuple[int, int, int]
    write_error: tuple[int, int, int]
    memory: bytearray
    outstanding: int = 16
    write_response: int = 8
    cycle: int = 0
    bus_free: int = 0
    writes_turn: bool = False
    reads: list[Burst] = field(default_factory=list)
    writes: list[Burst] = field(default_factory=list)

    def _response(self, addr, error):
        lo, hi, resp = error
        if addr >= self.depth_bytes:
            return 3
        return resp if addr < hi and addr + self.data_bytes > lo else 0

    def cycle_outputs(self, i):
        """What the model shows in this cycle, as a dictionary; then the cycle ends."""
        free = self.cycle >= self.bus_free
        read = self.reads[0] if self.reads else None
        read_due = read is not None and free and self.cycle >= read.accepted + self.latency
        write = next((b for b in self.writes if b.moved < b.beats), None)
        r_can = bool(read_due and i.rready)
        w_can = bool(write is not None and free and i.wvalid)
        r_moves = r_can and not (w_can and self.writes_turn)
        w_moves = w_can and not (r_can and not self.writes_turn)
        answer = self.writes[0] if self.writes else None
        b_up = answer is not None and answer.last_beat is not None
        b_up = b_up and self.cycle >= answer.last_beat + self.write_response
        out = {
            "arready": int(len(self.reads) < self.outstanding),
            "awready": int(len(self.writes) < self.outstanding),
            "r": None,
            "w": int(w_moves),
            "b": answer.resp if b_up else None,
        }
        if r_moves:
            out["r"] = self._read_beat(read)
        if w_moves:
            self._write_beat(write, i)
        if r_moves or w_moves:
            self.bus_free = self.cycle + self.interval
        if r_can and w_can:
            self.writes_turn = not self.writes_turn
        if b_up and i.bready:
            self.writes.pop(0)
        if i.awvalid and out["awready"]:
            self.writes.append(Burst(i.awaddr, i.awlen + 1, self.cycle))
        if i.arvalid and out["arready"]:
            self.reads.append(Burst(i.araddr, i.arlen + 1, self.cycle))
        self.cycle += 1
        return out

    def _read_beat(self, burst):
        addr = burst.addr + burst.moved * self.data_bytes
        resp = self._response(addr, self.read_error)
        data = self.memory[addr : addr + self.data_bytes]
        burst.moved += 1
        last = burst.moved == burst.beats
        if last:
            self.reads.pop(0)
        return int.from_bytes(data, "little"), int(last), resp

    def _write_beat(self, burst, i):
        addr = burst.addr + burst.moved * self.data_bytes
        resp = self._response(addr, self.write_error)
        burst.moved += 1
        burst.resp = resp or burst.resp
        if burst.moved == burst.beats:
            burst.last_beat = self.cycle
        if resp == 0:
            for lane in range(self.data_bytes):
                if i.wstrb >> lane & 1:
                    self.memory[addr + lane] = i.wdata >> 8 * lane & 0xFF
