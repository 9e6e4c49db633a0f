"""The largest number of each window, and weighted sums along height and width.

The last two dimensions are a plane; planes do not know of one another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.kernels.cpu.vector_math import where
from minigrad.kernels.jit import kernel
from minigrad.kernels.promotion import computed_in
from minigrad.kernels.taps import Taps
from minigrad.kernels.threads import split

Array = np.ndarray[Any, Any]

place = np.uint64  # an unsigned index: Numba does not look whether it is negative
LARGE = 1 << 17  # numbers that are worth a thread


@kernel
def resample_planes(x, rows, columns, out, start, stop):
    """out[p] = R x[p] C^T: first the sum of rows, then those of its numbers."""
    row_starts, row_counts, row_weights = rows
    column_starts, column_counts, column_weights = columns
    width = x.shape[2]
    line = np.zeros(width, x.dtype)
    for p in range(start, stop):
        for i in range(out.shape[1]):
            first = row_starts[i]
            if row_counts[i] == 0:
                line[:] = 0
            else:
                source, weight = x[p, first], row_weights[i, 0]
                for w in range(width):
                    line[w] = weight * source[w]
            for k in range(1, row_counts[i]):
                source, weight = x[p, first + k], row_weights[i, k]
                for w in range(width):
                    line[w] += weight * source[w]
            result = out[p, i]
            for j in range(result.size):
                first, count = place(column_starts[j]), column_counts[j]
                if count == 0:
                    result[j] = 0
                    continue
                total = column_weights[j, 0] * line[first]
                if count > 1:  # without a loop for the usual one or two
                    total += column_weights[j, 1] * line[first + place(1)]
                for k in range(2, count):
                    total += column_weights[j, k] * line[first + place(k)]
                result[j] = total


@kernel
def largest_down(plane, top, height, step, best, level):
    """best[w] = the largest of plane[top + step * k, w], k < height; level[w] = its k."""
    best[:], level[:] = plane[top], 0
    for k in range(1, height):
        line = plane[top + k * step]
        for w in range(best.size):
            larger = (line[w] > best[w]) | (line[w] != line[w])
            best[w] = where(larger, line[w], best[w])
            level[w] = where(larger, np.int32(k), level[w])


@kernel
def max_planes(x, rows, columns, lowest, out, indices, start, stop):
    """out[p, i, j] = the largest of its window, indices[p, i, j] = where in the plane it is: the
    first of equals; the last NaN, if there is one.  A window that lies between the numbers, as
    dilation can make it, has the lowest and -1."""
    row_starts, row_counts, row_step = rows
    column_starts, column_counts, column_step = columns
    width = x.shape[2]
    best, level = np.empty(width, x.dtype), np.empty(width, np.int32)
    for p in range(start, stop):
        for i in range(out.shape[1]):
            top, height = row_starts[i], row_counts[i]
            if height > 0:
                largest_down(x[p], top, height, row_step, best, level)
            for j in range(out.shape[2]):
                at, count = place(column_starts[j]), column_counts[j]
                if height <= 0 or count <= 0:
                    out[p, i, j], indices[p, i, j] = lowest, -1
                    continue
                largest, row, other = best[at], level[at], at
                for _ in range(1, count):
                    other += place(column_step)
                    value, k = best[other], level[other]
                    larger = (value > largest) | ((value == largest) & (k < row))
                    larger |= (value != value) & ((largest == largest) | (k >= row))
                    largest = where(larger, value, largest)
                    row, at = where(larger, k, row), where(larger, other, at)
                out[p, i, j], indices[p, i, j] = largest, (top + row * row_step) * width + at


@kernel
def pick_planes(x, indices, out, start, stop):
    """out[p, i] = x[p, indices[p, i]]; 0 where there is no such place"""
    for p in range(start, stop):
        for i in range(indices.shape[1]):
            place = indices[p, i]
            out[p, i] = x[p, place] if 0 <= place < x.shape[1] else x.dtype.type(0)


@kernel
def put_planes(grad, indices, out, start, stop):
    """out[p, indices[p, i]] += grad[p, i]"""
    for p in range(start, stop):
        for i in range(indices.shape[1]):
            if 0 <= indices[p, i] < out.shape[1]:
                out[p, indices[p, i]] += grad[p, i]


# ------------------------------------------------------------------------------ called from Python


def as_planes(x: Array) -> Array:
    """x as (planes, height, width) in C order, float16 as float32."""
    planes = x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])
    return np.ascontiguousarray(planes, computed_in(x.dtype))


def as_lines(planes: Array) -> Array:
    """Each plane as one line."""
    return planes.reshape(len(planes), math.prod(planes.shape[1:]))


def over_planes(run: Callable[..., None], size: int, *arguments: Any) -> None:
    """run(*arguments, start, stop) on several threads, if there are many numbers."""
    count = len(arguments[0])
    grain = max(1, LARGE // max(size // max(count, 1), 1))
    split(count, grain, lambda start, stop: run(*arguments, start, stop))


def resample(x: Array, rows: Taps, columns: Taps) -> Array:
    """x (..., H, W) with other sizes: each number is a weighted sum, along height and width.  Of
    integers, what is behind the point is dropped, as by a division."""
    if rows.picks and columns.picks:
        picked = x if columns.keeps else x.take(columns.starts, -1)
        picked = picked if rows.keeps else picked.take(rows.starts, -2)
        return picked.copy() if picked is x else picked
    planes = as_planes(x)
    dtype = planes.dtype if planes.dtype.kind == "f" else np.dtype(np.float64)
    planes = planes.astype(dtype, copy=False)
    out = np.empty((len(planes), len(rows.starts), len(columns.starts)), dtype)
    taps = rows.of_dtype(dtype), columns.of_dtype(dtype)
    over_planes(resample_planes, max(planes.size, out.size), planes, *taps, out)
    if x.dtype.kind != "f":
        out = np.trunc(out * (1 + 1e-12))  # a whole number that rounding has made smaller
    return out.astype(x.dtype, copy=False).reshape(*x.shape[:-2], *out.shape[1:])


def max_pool(x: Array, rows: Any, columns: Any) -> tuple[Array, Array]:
    """The largest numbers of windows of x (..., H, W), and their places in the plane.  `rows` and
    `columns` have starts, counts and a step."""
    planes = as_planes(x)
    out = np.empty((len(planes), len(rows[0]), len(columns[0])), planes.dtype)
    indices = np.empty(out.shape, np.int64)
    over_planes(max_planes, planes.size, planes, rows, columns, lowest_of(planes), out, indices)
    shape = (*x.shape[:-2], *out.shape[1:])
    return out.astype(x.dtype, copy=False).reshape(shape), indices.reshape(shape)


def lowest_of(x: Array) -> Any:
    return x.dtype.type(-np.inf) if x.dtype.kind == "f" else np.iinfo(x.dtype).min


def pick_places(x: Array, indices: Array) -> Array:
    """The numbers of x (..., H, W) at the places that `indices` (..., h, w) have in a plane."""
    planes, places = as_planes(x), as_planes(indices)
    out = np.empty(places.shape, planes.dtype)
    flat = [as_lines(a) for a in (planes, places, out)]
    over_planes(pick_planes, places.size, *flat)
    return out.astype(x.dtype, copy=False).reshape(indices.shape)


def put_places(grad: Array, indices: Array, size: tuple[int, int]) -> Array:
    """The transpose of pick_places: zeros (..., *size), with `grad` added at its places."""
    values, places = as_planes(grad), as_planes(indices)
    out = np.zeros((len(values), *size), values.dtype)
    flat = [as_lines(a) for a in (values, places, out)]
    over_planes(put_planes, places.size, *flat)
    return out.astype(grad.dtype, copy=False).reshape(*grad.shape[:-2], *size)
