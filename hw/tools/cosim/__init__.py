"""Co-simulation: the accelerator's RTL and a memory model, driven by cocotb on Verilator or Icarus.

:mod:`hw.tools.cosim.design` says what is simulated, :mod:`hw.tools.cosim.run_spec` what a run does
and gives back, :mod:`hw.tools.cosim.runner` runs it; :mod:`hw.tools.cosim.bench` is the side inside
the simulator.
"""
