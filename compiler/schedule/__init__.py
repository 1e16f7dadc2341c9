"""Scheduling. In: layers and a configuration. Out: steps, with tiles and places in the
scratchpad."""
