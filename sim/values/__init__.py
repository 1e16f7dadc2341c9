"""Values that the machine's commands compute: one side of the simulator, on NumPy arrays."""
