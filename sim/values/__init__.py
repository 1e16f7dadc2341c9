"""What the machine's commands compute: the value side of the simulator, on NumPy arrays."""
