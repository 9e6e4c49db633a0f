"""Where a value belongs among sorted ones."""

import math
from typing import Any

import numpy as np

from minigrad.kernels.jit import kernel
from minigrad.kernels.promotion import computed_in

Array = np.ndarray[Any, Any]
Maybe = Array | None


@kernel
def search_rows(boundaries, order, values, right, out):
    """Binary search, row by row: out[r, j] = how many of boundaries[r] are < values[r, j] (<= with
    `right`).  What compares with nothing, a NaN, is above all.  `order`: where the sorted elements
    lie, without columns where they lie in order.
    """
    rows, count = values.shape
    for r in range(rows):
        row, places = boundaries[r], order[r]
        for j in range(count):
            value = values[r, j]
            start, length = np.uint64(0), np.uint64(row.size)
            while length > 0:
                half = length >> np.uint64(1)
                middle = start + half
                one = row[places[middle]] if places.size else row[middle]
                above = one > value if right else one >= value
                start = start if above else middle + np.uint64(1)
                length = half if above else length - half - np.uint64(1)
            out[r, j] = start


def searchsorted(boundaries: Array, values: Array, sorter: Maybe, right: bool) -> Array:
    """int64 places in the last axis of `boundaries`, for values of the same other axes or, where
    it has one axis, of any shape.  Both are of one dtype."""
    size = boundaries.shape[-1]
    rows = math.prod(boundaries.shape[:-1])
    shape = (rows, -1) if values.size else (rows, 0)
    given = np.ascontiguousarray(values, computed_in(values.dtype)).reshape(shape)
    out = np.empty(given.shape, np.int64)
    order = np.empty((rows, 0), np.int64) if sorter is None else sorter.reshape(rows, size)
    lists = np.ascontiguousarray(boundaries, computed_in(boundaries.dtype)).reshape(rows, size)
    search_rows(lists, np.ascontiguousarray(order), given, right, out)
    return out.reshape(values.shape)
