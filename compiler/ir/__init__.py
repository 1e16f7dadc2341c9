"""The graph between the passes: its types, its rules, shapes, counts and random weights."""
