"""Triangles of matrices.  Elements are only moved, so they are taken as bits of their size."""

import math
from typing import Any

import numpy as np

from minigrad.kernels.cpu.copying import bits
from minigrad.kernels.jit import kernel

Array = np.ndarray[Any, Any]


@kernel
def keep_lower(x, out, diagonal):
    """out[b, i, j] = x[b, i, j] for j - i <= diagonal, else 0."""
    count, rows, columns = x.shape
    for b in range(count):
        for i in range(rows):
            end = min(max(i + diagonal + 1, 0), columns)
            out[b, i, :end] = x[b, i, :end]
            out[b, i, end:] = 0


@kernel
def keep_upper(x, out, diagonal):
    """out[b, i, j] = x[b, i, j] for j - i >= diagonal, else 0."""
    count, rows, columns = x.shape
    for b in range(count):
        for i in range(rows):
            start = min(max(i + diagonal, 0), columns)
            out[b, i, :start] = 0
            out[b, i, start:] = x[b, i, start:]


def tril(x: Array, diagonal: int) -> Array:
    """The lower triangles of the matrices in the last two axes; zeros above."""
    return kept(keep_lower, x, diagonal)


def triu(x: Array, diagonal: int) -> Array:
    """The upper triangles of the matrices in the last two axes; zeros below."""
    return kept(keep_upper, x, diagonal)


def kept(keep: Any, x: Array, diagonal: int) -> Array:
    rows, columns = x.shape[-2:]
    matrices = (math.prod(x.shape[:-2]), rows, columns)
    out = np.empty(x.shape, x.dtype)
    limit = max(rows, columns)
    keep(bits(x).reshape(matrices), bits(out).reshape(matrices), max(min(diagonal, limit), -limit))
    return out
