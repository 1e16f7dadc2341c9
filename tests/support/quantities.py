"""Texts of numbers that no option takes for a clock, a peak or a duration."""

NO_QUANTITIES = ("1e303", "1e-320", "1e308", "1e309", "inf", "-inf", "nan", "-1", "0", "-0.0")
