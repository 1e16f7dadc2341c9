"""FPGA synthesis, place and route of the generated Verilog, and the reports of the tools."""
