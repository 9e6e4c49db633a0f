"""Copies with the elements in order, of arrays whose elements lie in another: transposed, stretched
or reversed.  Elements are only moved, so they are taken as bits of their size.
"""

import math
from typing import Any

import numpy as np

from minigrad.kernels.jit import kernel

Array = np.ndarray[Any, Any]

BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
SMALL = 1 << 12  # elements below which NumPy's own copy is as good
TILE = 64  # rows and columns of a tile, which fits the first-level cache
place = np.uint64  # an unsigned index: Numba does not look whether it is negative
MOST_AXES = 4


@kernel
def copy_tiles(x, tile, out):
    """out = x, where the axis before the last is the one along which x lies in order.  Each part of
    x is read in its order and written in that of `out`; lines of memory that are a power of 2 apart
    would push each other out of the cache between two uses."""
    first, second, rows, columns = x.shape
    for a in range(first):
        for b in range(second):
            source, goal = x[a, b], out[a, b]
            for i in range(0, rows, tile.shape[0]):
                for j in range(0, columns, tile.shape[1]):
                    high, wide = min(tile.shape[0], rows - i), min(tile.shape[1], columns - j)
                    for m in range(wide):
                        for k in range(high):
                            tile[place(k), place(m)] = source[place(i + k), place(j + m)]
                    for k in range(high):
                        for m in range(wide):
                            goal[place(i + k), place(j + m)] = tile[place(k), place(m)]


@kernel
def spread_rows(x, out):
    """out[i, :] = x[i]"""
    for i in range(x.size):
        row, value = out[i], x[i]
        for j in range(row.size):
            row[j] = value


@kernel
def reverse(x, out, of_outer, of_middle):
    """out = x, with the last of three axes reversed, and others if so told."""
    outer, middle, inner = x.shape
    for a in range(outer):
        for b in range(middle):
            row = x[outer - 1 - a if of_outer else a, middle - 1 - b if of_middle else b]
            goal = out[a, b]
            for c in range(inner):
                goal[place(c)] = row[place(inner - 1 - c)]


@kernel
def frame_planes(x, rows, columns, before, out):
    """out[p, i, j] = x[p, rows[i], columns[j]], where columns[before:] goes along a row of x."""
    after = min(before + x.shape[2], columns.size)
    for p in range(out.shape[0]):
        for i in range(out.shape[1]):
            row, goal = x[p, rows[i]], out[p, i]
            middle = goal[before:after]
            for j in range(middle.size):
                middle[j] = row[j]
            for j in range(before):
                goal[j] = row[columns[j]]
            for j in range(after, columns.size):
                goal[j] = row[columns[j]]


def framed(x: Array, places: dict[int, Array], before: int) -> Array:
    """A copy of x made of those places of its axes; the last axis has `before` of them, and then
    all that there are, in order, or the first of these."""
    for axis in range(x.ndim - 2):
        x = x.take(places[axis], axis) if axis in places else x
    rows, columns = (
        places.get(axis, np.arange(x.shape[axis])) for axis in (x.ndim - 2, x.ndim - 1)
    )
    count = math.prod(x.shape[:-2])
    planes = np.ascontiguousarray(bits(x)).reshape(count, *x.shape[-2:])
    out = np.empty((*x.shape[:-2], rows.size, columns.size), x.dtype)
    frame_planes(planes, rows, columns, before, bits(out).reshape(count, rows.size, columns.size))
    return out


def copied(x: Array) -> Array:
    """A copy with the elements in order."""
    if x.flags.c_contiguous or x.size < SMALL:
        return x.copy()
    if x.strides[-1] == 0 and x.shape[-1] > 1:
        out = np.empty(x.shape, x.dtype)
        spread_rows(bits(copied(x[..., 0])).reshape(-1), bits(out).reshape(-1, x.shape[-1]))
        return out
    merged = with_merged_axes(x)
    steps = [step or math.inf for step in merged.strides]
    in_order = steps.index(min(steps))
    if in_order == merged.ndim - 1 or merged.ndim > MOST_AXES or min(steps) < 0:
        return x.copy()
    out = np.empty(merged.shape, x.dtype)
    others = [axis for axis in range(merged.ndim - 1) if axis != in_order]
    order = [*others, in_order, merged.ndim - 1]
    leading = (None,) * (MOST_AXES - merged.ndim)
    source, goal = (bits(a.transpose(order))[leading] for a in (merged, out))
    copy_tiles(source, np.empty((TILE, TILE), source.dtype), goal)
    return out.reshape(x.shape)


def bits(x: Array) -> Array:
    return x.view(BITS[x.itemsize])


def with_merged_axes(x: Array) -> Array:
    """The same memory with fewer axes: those of one place left out, neighbours in order joined."""
    shape: list[int] = []
    strides: list[int] = []
    for n, step in zip(x.shape, x.strides, strict=True):
        if n == 1:
            continue
        if shape and strides[-1] == n * step:
            shape[-1], strides[-1] = shape[-1] * n, step
        else:
            shape, strides = [*shape, n], [*strides, step]
    return np.lib.stride_tricks.as_strided(x, shape, strides)


def reversed_along(x: Array, axes: tuple[int, ...]) -> Array:
    """A copy with the order of some axes reversed."""
    groups: list[tuple[bool, int]] = []  # neighbours that are treated alike are one axis
    for axis, n in enumerate(x.shape):
        if groups and groups[-1][0] == (axis in axes):
            groups[-1] = groups[-1][0], groups[-1][1] * n
        else:
            groups.append((axis in axes, n))
    usual = not x.flags.c_contiguous or x.size < SMALL or len(groups) > 3
    if usual or not groups[-1][0]:
        return np.asarray(np.flip(x, axes).copy())
    groups = [(False, 1)] * (3 - len(groups)) + groups
    shape, out = [n for _, n in groups], np.empty(x.shape, x.dtype)
    reverse(bits(x).reshape(shape), bits(out).reshape(shape), groups[0][0], groups[1][0])
    return out
