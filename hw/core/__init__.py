"""The execute unit. In: EXECUTE commands, lines of the pool. Out: finished words for the pool."""
