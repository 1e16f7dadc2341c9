"""The machine as plain data: sizes, instructions, registers and timing.

Nothing goes in; hardware, simulator, compiler and documentation all read it.
"""
