"""Rows of a table added up, or their maxima taken, a bag at a time."""

from typing import Any

import numpy as np

from minigrad.kernels.jit import kernel
from minigrad.kernels.promotion import computed_in, narrowed

Array = np.ndarray[Any, Any]
Maybe = Array | None


@kernel
def add_weighted(source, picked, bags, weights, out):
    """out[bags[k]] += weights[k] * source[picked[k]], where both are rows."""
    for k in range(picked.size):
        if not (0 <= picked[k] < source.shape[0] and 0 <= bags[k] < out.shape[0]):
            continue
        row, total = source[picked[k]], out[bags[k]]
        if weights.size:
            weight = weights[k]
            for j in range(total.size):
                total[j] += weight * row[j]
        else:
            for j in range(total.size):
                total[j] += row[j]


@kernel
def maxima(source, picked, bags, out, rows):
    """out[b, j] = the largest source[picked[k], j] with bags[k] = b, and rows[b, j] = where."""
    for k in range(picked.size):
        if not (0 <= picked[k] < source.shape[0] and 0 <= bags[k] < out.shape[0]):
            continue
        row, largest, place = source[picked[k]], out[bags[k]], rows[bags[k]]
        for j in range(largest.size):
            if place[j] < 0 or row[j] > largest[j]:
                largest[j], place[j] = row[j], picked[k]


def weighted_rows(source: Array, picked: Array, bags: Array, weights: Maybe, count: int) -> Array:
    """(count, D): zeros, to which weights[k] * source[picked[k]] is added in row bags[k]; numbers
    that are no rows are left out."""
    dtype = computed_in(source.dtype)
    out = np.zeros((count, source.shape[1]), dtype)
    scale = np.empty(0, dtype) if weights is None else weights.astype(dtype, copy=False)
    table = np.ascontiguousarray(source, dtype)
    add_weighted(table, ordered(picked), ordered(bags), ordered(scale), out)
    return narrowed(out, source.dtype)


def maxima_of_rows(source: Array, picked: Array, bags: Array, count: int) -> tuple[Array, Array]:
    """(count, D) maxima of source[picked[k]] with bags[k] equal, and the rows they come from: 0 and
    -1 where there are none."""
    dtype = computed_in(source.dtype)
    out = np.zeros((count, source.shape[1]), dtype)
    rows = np.full(out.shape, -1, np.int64)
    maxima(np.ascontiguousarray(source, dtype), ordered(picked), ordered(bags), out, rows)
    return narrowed(out, source.dtype), rows


def ordered(x: Array) -> Array:
    return np.ascontiguousarray(x)
