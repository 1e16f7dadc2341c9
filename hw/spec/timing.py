"""Latencies and fixed schedules of the machine, in cycles: read by the hardware and by the
simulator alike."""

WATCHDOG = 1 << 16
"""Cycles without a bus beat and without a multiply-accumulate after which a run stops: its waits
can never be met."""
WATCHDOG_DELAY = 1
"""Cycles until the watchdog learns of a beat or of a multiply-accumulate."""

# Scratchpad ports. A phase counter runs from the start of a program, modulo the words of a line.
DMA_READ_PHASE = 0
"""The STORE unit's cycle on the scratchpad's read port; others may use it when the STORE unit does
not."""
DMA_WRITE_PHASE = 4
"""The LOAD unit's cycle on the scratchpad's write port, modulo the words of a line; the drain never
writes in it."""
RESIDUAL_INTERVAL = 4
"""Cycles from one residual beat, or half of one, to the next in the requantiser, at the least."""
RESIDUAL_PHASE = 1
"""Residual beats issue when phase % residual_interval is this, and then own the read port."""
READ_LATENCY = 3
"""Cycles from a read request to the line in the line register: the banks' addresses, the memories,
and their output registers, which are the line register."""

# Operand store and weight store
TAP_GROUP_RING = 4
"""Tap groups (of a kernel row and one channel block) that the lanes' operand stores hold."""
WEIGHT_RING = 8
"""Lines that the weight store holds."""
LINE_LATENCY = READ_LATENCY + 1
"""Cycles from the request of a line to the first cycle in which the array can use it."""
ADDRESS_STAGES = 2
"""Stages that a tap group passes on its way from the loops to its requests."""
OPERAND_SETUP = ADDRESS_STAGES + 2
"""Cycles of the operand fetch's set-up after the lanes': to begin the loops, and until their first
tap group is requested."""

# Array and post-processor
MAC_LATENCY = 5
"""Cycles from the issue of a pixel group's last multiply-accumulate to the first cycle in which the
drain can read it."""
REQUANT_LATENCY = 9
"""Cycles from the input of a requantiser trip to its value in the last stage."""
RESULT_LATENCY = REQUANT_LATENCY + 2
"""Cycles from the input of a trip to the byte that it gives."""
PLAIN_WRITE = RESULT_LATENCY + 2
"""Cycles from the issue of a beat to its write into the scratchpad, if it enters the requantiser as
a whole."""
RESIDUAL_A = 10
RESIDUAL_B = 9
RESIDUAL_SUM = 19
"""Cycles from the issue of a residual beat to its trips for the first operand, the second operand
and the sum."""
RESIDUAL_WRITE = RESIDUAL_SUM + PLAIN_WRITE
"""The same of a residual beat."""
SETTLE = READ_LATENCY + 1
"""Cycles from the last grant of a parameter line to the first beat."""
TABLE_PART = 4
"""Entries of a lookup table that its memories take in a cycle: a block RAM has two ports of 16
bits."""

# Memory
MAX_OUTSTANDING = 16
"""Reads, and writes, that the machine has in flight at once."""
MAX_BURST = 64
"""Beats of a burst."""
BURST_BOUNDARY = 4096
"""Bytes: no burst crosses a multiple of this."""
BURST_LIST = 4
"""Bursts that STORE has presented and whose words it has not sent."""
LINE_BUFFERS = 2
"""Lines that STORE holds or has asked the scratchpad for."""
MEMORY_OUTSTANDING = 16
"""Reads, and writes, that the memory of the simulated system takes at once."""
WRITE_RESPONSE = 8
"""Cycles of that memory from the last W beat to B."""
FETCH_BYTES = 256
"""Bytes of a command-fetch burst; the fetch buffer holds two of them."""
LOAD_DESCRIPTORS = 4
"""LOADs whose reads are requested while an earlier one's data arrive."""

assert (RESIDUAL_PHASE + RESIDUAL_WRITE - DMA_WRITE_PHASE) % RESIDUAL_INTERVAL
assert (RESIDUAL_PHASE - DMA_READ_PHASE) % RESIDUAL_INTERVAL
assert READ_LATENCY < RESIDUAL_INTERVAL  # no line is shorter: STORE's two buffers keep up
_TRIPS = {p % RESIDUAL_INTERVAL for p in (0, RESIDUAL_A, RESIDUAL_B, RESIDUAL_SUM)}
assert len(_TRIPS) == RESIDUAL_INTERVAL
