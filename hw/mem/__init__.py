"""Memory side. In: LOAD and STORE commands, beats of the bus. Out: bursts, lines in the
scratchpad."""
