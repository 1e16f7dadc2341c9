"""Resources of configurations by synthesis, and the formulas of ``hw area`` fitted to them."""
