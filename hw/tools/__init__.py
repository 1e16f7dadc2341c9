"""Tools that build, check and run the gateware's Verilog; none of it is hardware."""
