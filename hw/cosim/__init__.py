"""Co-simulation: the accelerator's RTL and a memory model, driven by cocotb on Verilator or Icarus.

:mod:`hw.cosim.design` says what is simulated, :mod:`hw.cosim.run_spec` what a run does and gives
back, :mod:`hw.cosim.runner` runs it; :mod:`hw.cosim.bench` is the side inside the simulator.
"""
