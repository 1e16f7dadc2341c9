"""Proofs by k-induction: properties of a unit in Amaranth, and mutants that break them."""
