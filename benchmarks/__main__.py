"""python -m benchmarks [steps|optimizers|ops|gemm ...] [--threads 1 2] [--markdown FILE]

Times training steps, optimizers, single operations and matrix products beside torch.  The two take
turns in one process, so that a change of clock rate or a busy neighbour meets both; a figure is the
median of the turns.
"""

import importlib
import os
import sys

# They make NumPy's OpenBLAS choose kernels for another processor than this one.
MISLEADING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def run_in_clean_environment() -> None:
    """Start again if the variables that OpenBLAS reads when NumPy is imported say otherwise."""
    environment = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    environment["OPENBLAS_NUM_THREADS"] = "1"
    if environment != dict(os.environ):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]], environment)


if __name__ == "__main__":
    run_in_clean_environment()
    importlib.import_module("benchmarks.command").main(sys.argv[1:])
