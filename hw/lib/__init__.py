"""Parts that the units are built with: AXI ports, requests to the memory bus, a queue."""
