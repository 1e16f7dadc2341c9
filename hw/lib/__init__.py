"""Parts of the units: AXI ports, interfaces between units, a queue, a delay line."""
