"""Scans: every element of the result is made of all elements up to its place along an axis.

An array is seen as blocks of `length` rows of `inner` elements.  Where `inner` is 1 a total is one
number that walks along; else it is a row of them.  Totals are float64, as torch's are.
"""

import math
from typing import Any

import numpy as np

from minigrad.kernels.cpu.vector_math import exp_nonpositive, log
from minigrad.kernels.jit import kernel

Array = np.ndarray[Any, Any]
add_up: Any = np.add.accumulate
multiply_up: Any = np.multiply.accumulate


# ---------------------------------------------------------------------------------------- kernels
@kernel
def sum_kernel(x, out, outer, length, inner, from_end):
    """out[o, k] = x[o, 0] + ... + x[o, k], or from the last one down to k."""
    kind = x.dtype.type
    for o in range(outer):
        total = np.zeros(inner)
        for k in range(length):
            first = (o * length + (length - 1 - k if from_end else k)) * inner
            row, goal = x[first : first + inner], out[first : first + inner]
            for i in range(goal.size):
                total[i] += row[i]
                goal[i] = kind(total[i])


@kernel
def sum_line_kernel(x, out, outer, length, from_end):
    """The same where inner is 1."""
    kind = x.dtype.type
    for o in range(outer):
        row, goal = x[o * length : (o + 1) * length], out[o * length : (o + 1) * length]
        total = 0.0
        for k in range(length):
            place = length - 1 - k if from_end else k
            total += row[place]
            goal[place] = kind(total)


@kernel
def product_kernel(x, out, outer, length, inner):
    """out[o, k] = x[o, 0] * ... * x[o, k]"""
    kind = x.dtype.type
    for o in range(outer):
        total = np.ones(inner)
        for k in range(length):
            first = (o * length + k) * inner
            row, goal = x[first : first + inner], out[first : first + inner]
            for i in range(goal.size):
                total[i] *= row[i]
                goal[i] = kind(total[i])


@kernel
def recurrence_kernel(x, factor, out, outer, length, inner, from_end):
    """out[o, k] = x[o, k] + factor[o, k] * out[o, k - 1]; with from_end, k + 1 for k - 1."""
    kind = x.dtype.type
    for o in range(outer):
        total = np.zeros(inner)
        for k in range(length):
            first = (o * length + (length - 1 - k if from_end else k)) * inner
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
        for i in range(inner):
            first = o * length * inner + i
            best, place = x[first], 0
            for k in range(length):
                value = x[first + k * inner]
                better = value >= best if largest else value <= best
                if better or value != value:
                    best, place = value, k
                out[first + k * inner], indices[first + k * inner] = best, place


# ----------------------------------------------------------------------------------------- layout
def blocks_of(x: Array, axis: int) -> tuple[Array, tuple[int, int, int]]:
    """x flat in C order (float16 as float32), and its (outer, length, inner)."""
    dtype = np.float32 if x.dtype == np.float16 else x.dtype
    flat = np.ascontiguousarray(x, dtype).reshape(-1)
    sizes = math.prod(x.shape[:axis]), math.prod(x.shape[axis : axis + 1])
    return flat, (*sizes, math.prod(x.shape[axis + 1 :]))


def shaped(flat: Array, like: Array) -> Array:
    """A flat result in the shape and dtype of the operand."""
    if flat.dtype != like.dtype:
        with np.errstate(over="ignore"):  # above 65504 a float16 is inf
            flat = flat.astype(like.dtype)
    return flat.reshape(like.shape)


# --------------------------------------------------------------------------------------- routines
def cumsum(x: Array, axis: int, from_end: bool) -> Array:
    """Sums of all elements up to each (from each on); integers and bools in int64."""
    if x.dtype.kind != "f":
        order = np.flip(x, axis) if from_end and x.ndim else x
        total = np.asarray(add_up(order, axis, np.int64)) if x.ndim else x.astype(np.int64)
        return np.flip(total, axis) if from_end and x.ndim else total
    flat, (outer, length, inner) = blocks_of(x, axis)
    out = np.empty_like(flat)
    if inner == 1:
        sum_line_kernel(flat, out, outer, length, from_end)
    else:
        sum_kernel(flat, out, outer, length, inner, from_end)
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
