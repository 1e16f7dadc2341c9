"""Files of a system besides the Verilog: port list, register header, C driver, an instantiation.

``accel.c``, ``accel.h`` and ``system.v`` are written out by ``python -m hw generate``.
"""
