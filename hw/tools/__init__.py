"""What builds, checks and runs the gateware's Verilog; none of it is hardware."""
