"""The same network in PyTorch, timed, with the accelerator next to it (``golden latency``).

The one part of golden that needs PyTorch; no other part of the project imports it.
"""
