"""Numbers at equal distances."""

from typing import Any

import numpy as np

from minigrad.kernels.jit import kernel

Array = np.ndarray[Any, Any]


@kernel
def count(out, start, step):
    """out[i] = start + i step"""
    for i in range(out.size):
        out[i] = start + i * step


@kernel
def count_from_both_ends(out, start, end, step):
    """out[i] = start + i step in the first half, end - (n - 1 - i) step in the second."""
    n = out.size
    for i in range(n // 2):
        out[i] = start + i * step
    for i in range(n // 2, n):
        out[i] = end - (n - 1 - i) * step
