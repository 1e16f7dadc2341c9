"""Lowering. In: a verified graph. Out: layers for the machine, and nodes for the host."""
