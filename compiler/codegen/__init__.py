"""Code generation. In: a schedule. Out: commands, the memory image and the mapping."""
