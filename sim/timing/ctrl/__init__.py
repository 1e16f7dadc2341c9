"""The control side of the machine, cycle by cycle; see ``hw/ctrl``."""
