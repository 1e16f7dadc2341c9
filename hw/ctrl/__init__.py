"""Control. In: register accesses and the program. Out: commands for the units, and faults."""
