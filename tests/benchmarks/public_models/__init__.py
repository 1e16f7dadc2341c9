"""A table of public models: what maps, what it costs, and how near it is to the original."""
