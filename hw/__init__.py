"""The hardware. In: a configuration. Out: Verilog, and runs of a program on the RTL."""
