"""What a configuration costs on a chip, without synthesis: formulas fitted to Yosys' results."""
