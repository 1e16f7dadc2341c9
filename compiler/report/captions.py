"""Captions of the figures of a report."""

CAPTIONS = {
    "waterfall": (
        "Where the MAC-cycles went",
        "All units in all cycles; each bar is lost to one cause, the rest is the network's own.",
    ),
    "gap": (
        "Efficiency gap",
        "latency = operations / (efficiency x peak) (arXiv 2404.03617). By itself, a layer moves "
        "every operand once between memory and chip; a block moves what it does as mapped. Both "
        "bounds add up the larger of array and memory time; loading ahead may beat them.",
    ),
    "memory": (
        "On-chip memory over time",
        "Words in use: from the start of the command that writes them to the end of the last one "
        "that reads them. The line is the size of the scratchpad.",
    ),
    "roofline": (
        "Roofline",
        "Each layer of multiply-accumulates by the bytes that it moves as mapped. A layer above "
        "the slope had its operands loaded while earlier ones were computed.",
    ),
    "waterline": (
        "Waterline",
        "Bars: each layer by itself, every operand moved once. Below the waterline, the roofline's "
        "ridge, memory is the limit. Lines: the layers of a block as mapped, in one; what stays on "
        "the chip lifts them. A block ends where one map alone goes on.",
    ),
    "graph": (
        "Network",
        "A box for each layer with its utilisation, and a ground under the layers of a block. "
        "Blue lines are maps in the scratchpad, red dashed ones pass through memory.",
    ),
}
"""Title and explanation of the figures whose names begin with the key."""
