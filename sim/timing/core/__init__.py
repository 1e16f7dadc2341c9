"""The execute unit, cycle by cycle; see ``hw/core``."""
