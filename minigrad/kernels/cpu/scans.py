"""Scans: every element of the result is made of all elements up to its place along an axis.

An array is seen as blocks of `length` rows of `inner` elements.  Totals are float64, as in torch.
"""

import math
from typing import Any

import numpy as np

from minigrad.kernels.cpu.vector_math import exp_nonpositive, log
from minigrad.kernels.jit import kernel
from minigrad.kernels.promotion import computed_in, narrowed

Array = np.ndarray[Any, Any]
add_up: Any = np.add.accumulate
multiply_up: Any = np.multiply.accumulate

NARROW = 4  # elements of a row


# ---------------------------------------------------------------------------------------- kernels
# Each has two ways: up to NARROW totals are numbers that walk along one after the other, more of
# them are a row that all rows of a block are added to.
@kernel
def sum_kernel(x, out, outer, length, inner, from_end):
    """out[o, k] = x[o, 0] + ... + x[o, k], or from the last one down to k."""
    kind = x.dtype.type
    step = -inner if from_end else inner
    for o in range(outer):
        start = o * length * inner + (length - 1) * inner * from_end
        if inner <= NARROW:
            for i in range(inner):
                number, place = 0.0, start + i
                for _ in range(length):
                    number += x[place]
                    out[place] = kind(number)
                    place += step
            continue
        total = np.zeros(inner)
        for k in range(length):
            first = start + k * step
            row, goal = x[first : first + inner], out[first : first + inner]
            for i in range(goal.size):
                total[i] += row[i]
                goal[i] = kind(total[i])


@kernel
def product_kernel(x, out, outer, length, inner):
    """out[o, k] = x[o, 0] * ... * x[o, k]"""
    kind = x.dtype.type
    for o in range(outer):
        start = o * length * inner
        if inner <= NARROW:
            for i in range(inner):
                number, place = 1.0, start + i
                for _ in range(length):
                    number *= x[place]
                    out[place] = kind(number)
                    place += inner
            continue
        total = np.ones(inner)
        for k in range(length):
            first = start + k * inner
            row, goal = x[first : first + inner], out[first : first + inner]
            for i in range(goal.size):
                total[i] *= row[i]
                goal[i] = kind(total[i])


@kernel
def recurrence_kernel(x, factor, out, outer, length, inner, from_end):
    """out[o, k] = x[o, k] + factor[o, k] * out[o, k - 1]; with from_end, k + 1 for k - 1."""
    kind = x.dtype.type
    step = -inner if from_end else inner
    for o in range(outer):
        start = o * length * inner + (length - 1) * inner * from_end
        if inner <= NARROW:
            for i in range(inner):
                number, place = 0.0, start + i
                for k in range(length):
                    number = x[place] + factor[place] * number if k else np.float64(x[place])
                    out[place] = kind(number)
                    place += step
            continue
        total = np.zeros(inner)
        for k in range(length):
            first = start + k * step
            row, goal = x[first : first + inner], out[first : first + inner]
            scale = factor[first : first + inner]
            for i in range(goal.size):
                total[i] = row[i] + scale[i] * total[i] if k else row[i]
                goal[i] = kind(total[i])


@kernel
def log_sum_exp_kernel(x, out, outer, length, inner):
    """out[o, k] = log(exp(x[o, 0]) + ... + exp(x[o, k])); the largest so far is kept apart."""
    kind = x.dtype.type
    for o in range(outer):
        for i in range(inner):
            largest, total = -np.inf, 0.0
            for k in range(length):
                place = (o * length + k) * inner + i
                value = float(x[place])
                if value == largest:
                    total += 1.0
                elif value < largest:
                    total += exp_nonpositive(value - largest)
                else:
                    total = 1.0 + total * exp_nonpositive(largest - value)
                    largest = largest if math.isnan(largest) else value
                out[place] = kind(largest + log(total))


@kernel
def extreme_kernel(x, out, indices, outer, length, inner, largest):
    """The largest (or smallest) element so far, NaN above all, and the last place it is at."""
    for o in range(outer):
        start = o * length * inner
        if inner <= NARROW:
            for i in range(inner):
                best, at, place = x[start + i], 0, start + i
                for k in range(length):
                    value = x[place]
                    worse = value < best if largest else value > best
                    if not worse and (best == best or value != value):
                        best, at = value, k
                    out[place], indices[place] = best, at
                    place += inner
            continue
        for k in range(length):
            for place in range(start + k * inner, start + (k + 1) * inner):
                value = x[place]
                before = place - inner if k else place
                best = out[before] if k else value
                worse = value < best if largest else value > best
                wins = not worse and (best == best or value != value)
                out[place] = value if wins else best
                indices[place] = k if wins else indices[before]


# ----------------------------------------------------------------------------------------- layout
def blocks_of(x: Array, axis: int) -> tuple[Array, tuple[int, int, int]]:
    """x flat in C order (float16 as float32), and its (outer, length, inner)."""
    flat = np.ascontiguousarray(x, computed_in(x.dtype)).reshape(-1)
    sizes = math.prod(x.shape[:axis]), math.prod(x.shape[axis : axis + 1])
    return flat, (*sizes, math.prod(x.shape[axis + 1 :]))


def shaped(flat: Array, like: Array) -> Array:
    """A flat result in the shape and dtype of the operand."""
    return np.asarray(narrowed(flat, like.dtype).reshape(like.shape))


# --------------------------------------------------------------------------------------- routines
def cumsum(x: Array, axis: int, from_end: bool) -> Array:
    """Sums of all elements up to each (from each on); integers and bools in int64."""
    if x.dtype.kind != "f":
        order = np.flip(x, axis) if from_end and x.ndim else x
        total = np.asarray(add_up(order, axis, np.int64)) if x.ndim else x.astype(np.int64)
        return np.flip(total, axis) if from_end and x.ndim else total
    flat, sizes = blocks_of(x, axis)
    out = np.empty_like(flat)
    sum_kernel(flat, out, *sizes, from_end)
    return shaped(out, x)


def cumprod(x: Array, axis: int) -> Array:
    """Products of all elements up to each; integers and bools in int64."""
    if x.dtype.kind != "f":
        return np.asarray(multiply_up(x, axis, np.int64)) if x.ndim else x.astype(np.int64)
    flat, sizes = blocks_of(x, axis)
    out = np.empty_like(flat)
    product_kernel(flat, out, *sizes)
    return shaped(out, x)


def recurrence(x: Array, factor: Array, axis: int, from_end: bool) -> Array:
    """out[k] = x[k] + factor[k] * out[k - 1] along an axis (out[k + 1], with from_end)."""
    (flat, sizes), (scale, _) = blocks_of(x, axis), blocks_of(factor, axis)
    out = np.empty_like(flat)
    recurrence_kernel(flat, scale, out, *sizes, from_end)
    return shaped(out, x)


def logcumsumexp(x: Array, axis: int) -> Array:
    """Logarithms of the sums of exp of all elements up to each."""
    flat, sizes = blocks_of(x, axis)
    out = np.empty_like(flat)
    log_sum_exp_kernel(flat, out, *sizes)
    return shaped(out, x)


def cummax(x: Array, axis: int) -> tuple[Array, Array]:
    """The largest elements up to each, and the last places where they are."""
    return extremes(x, axis, True)


def cummin(x: Array, axis: int) -> tuple[Array, Array]:
    """The smallest elements up to each, and the last places where they are."""
    return extremes(x, axis, False)


def extremes(x: Array, axis: int, largest: bool) -> tuple[Array, Array]:
    flat, sizes = blocks_of(x, axis)
    out, indices = np.empty_like(flat), np.empty(flat.size, np.int64)
    if flat.size:
        extreme_kernel(flat, out, indices, *sizes, largest)
    return shaped(out, x), indices.reshape(x.shape)
