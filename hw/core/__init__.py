"""The execute unit. In: EXECUTE commands, lines of the scratchpad. Out: finished words for the
scratchpad."""
