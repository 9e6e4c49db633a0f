"""Norms over any axes, one pass each.  The norm of norms is the norm of all, so that a norm is a
reduction like a sum: over groups of axes one after the other, and over pieces of a large array."""

import math
from typing import Any

import numpy as np

from minigrad.kernels.cpu.reductions import BLOCK, BLOCK_ROWS, TILE, Reduction
from minigrad.kernels.cpu.vector_math import maximum
from minigrad.kernels.jit import kernel

Array = np.ndarray[Any, Any]
Axes = tuple[int, ...]


@kernel(reassoc=True)
def norm_rows(x, out, start, stop, length, power):
    """out[i] = the norm of row i of x: for power 1 the sum of absolute values, for power 2 the root
    of the sum of squares."""
    kind = x.dtype.type
    for i in range(start, stop):
        row = x[i * length : (i + 1) * length]
        total = 0.0
        for begin in range(0, length, BLOCK):
            block = row[begin : begin + BLOCK]
            part = kind(0)
            for j in range(block.size):
                part += abs(block[j]) if power == 1 else block[j] * block[j]
            total += part
        out[i] = kind(total if power == 1 else math.sqrt(total))


@kernel(reassoc=True)
def norm_columns(x, out, start, stop, length, inner, power):
    """out[i, :] = the norm over k of x[i, k, :]."""
    kind = x.dtype.type
    part, total = np.empty(TILE, x.dtype), np.empty(TILE, np.float64)
    for i in range(start, stop):
        for left in range(0, inner, TILE):
            width = min(TILE, inner - left)
            total[:width] = 0.0
            for top in range(0, length, BLOCK_ROWS):
                part[:width] = kind(0)
                for k in range(top, min(top + BLOCK_ROWS, length)):
                    first = (i * length + k) * inner + left
                    row = x[first : first + width]
                    for j in range(row.size):
                        part[j] += abs(row[j]) if power == 1 else row[j] * row[j]
                for j in range(width):
                    total[j] += part[j]
            goal = out[i * inner + left : i * inner + left + width]
            for j in range(goal.size):
                goal[j] = kind(total[j] if power == 1 else math.sqrt(total[j]))


@kernel(reassoc=True)
def size_rows(x, out, start, stop, length, sign):
    """out[i] = the largest absolute value of row i of x (sign -1: the smallest); NaN wins."""
    kind = x.dtype.type
    factor = kind(sign)
    for i in range(start, stop):
        row = x[i * length : (i + 1) * length]
        largest = kind(-np.inf)
        for j in range(length):
            largest = maximum(largest, factor * abs(row[j]))
        out[i] = factor * largest


@kernel(reassoc=True)
def size_columns(x, out, start, stop, length, inner, sign):
    """out[i, :] = the largest over k of abs(x[i, k, :]) (sign -1: the smallest); NaN wins."""
    kind = x.dtype.type
    factor = kind(sign)
    for i in range(start, stop):
        for left in range(0, inner, TILE):
            width = min(TILE, inner - left)
            goal = out[i * inner + left : i * inner + left + width]
            goal[:] = kind(-np.inf)
            for k in range(length):
                first = (i * length + k) * inner + left
                row = x[first : first + width]
                for j in range(row.size):
                    goal[j] = maximum(goal[j], factor * abs(row[j]))
            for j in range(goal.size):
                goal[j] = factor * goal[j]


# ------------------------------------------------------------------------------------ the routines
# They are asked for floats only.
TWO_NORM = Reduction(norm_rows, norm_columns, np.add.reduce, 2)
ONE_NORM = Reduction(norm_rows, norm_columns, np.add.reduce, 1)
LARGEST = Reduction(size_rows, size_columns, np.maximum.reduce)
SMALLEST = Reduction(size_rows, size_columns, np.minimum.reduce, -1)


def two_norm(x: Array, axes: Axes, keepdim: bool) -> Array:
    """The root of the sum of squares over axes."""
    return TWO_NORM.over(x, axes, keepdim)


def one_norm(x: Array, axes: Axes, keepdim: bool) -> Array:
    """The sum of absolute values over axes."""
    return ONE_NORM.over(x, axes, keepdim)


def largest_size(x: Array, axes: Axes, keepdim: bool) -> Array:
    """The largest absolute value over axes, NaN if there is one."""
    return LARGEST.over(x, axes, keepdim)


def smallest_size(x: Array, axes: Axes, keepdim: bool) -> Array:
    """The smallest absolute value over axes, NaN if there is one."""
    return SMALLEST.over(x, axes, keepdim)
