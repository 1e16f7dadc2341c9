"""Texts of numbers that no option takes for a clock, a peak or a duration."""

NO_QUANTITIES = (
    "1e303",
    "1e-320",
    "1e308",
    "1e309",
    "inf",
    "-inf",
    "nan",
    "-1",
    "0",
    "-0.0",
    "1_0",
    " 5 ",
    "5 ",
    "\u0665",
    "\uff15",
    "0x5",
    "1e",
    ".",
    "5\n",
)
