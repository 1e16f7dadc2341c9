"""LOAD, STORE and the external memory, cycle by cycle; see ``hw/mem``."""
