"""minigrad beside torch, in one process and in turns: `python -m benchmarks`."""
