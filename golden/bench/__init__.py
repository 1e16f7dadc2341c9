"""The same network in PyTorch, timed, with the accelerator beside it (``golden latency``).

The one part of golden that needs PyTorch; no other part of the project imports it.
"""
