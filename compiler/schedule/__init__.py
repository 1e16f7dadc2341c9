"""Scheduling. In: layers and a configuration. Out: tile operations, with tiles and places in the
scratchpad."""
