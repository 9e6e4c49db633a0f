"""Cross entropy of rows of scores: softmax, logarithm and loss in one visit of a row.

Of log_softmax only two numbers a row are kept, `top`, its largest score, and `shift`, the logarithm
of the sum of exp(x - top): log p = (x - top) - shift is there again when the gradient is wanted.
"""

from typing import Any

import numpy as np

from minigrad.kernels.cpu.rows import as_rows, as_vector, from_rows, over_rows
from minigrad.kernels.cpu.vector_math import exp_nonpositive, log, maximum
from minigrad.kernels.jit import kernel
from minigrad.kernels.promotion import narrowed

Array = np.ndarray[Any, Any]
Maybe = Array | None


# ---------------------------------------------------------------------------------------- kernels
@kernel(reassoc=True)
def statistics_of_row(row):
    """The largest number of a row, and the logarithm of the sum of exp(row - largest)."""
    kind = row.dtype.type
    top = kind(-np.inf)
    for j in range(row.size):
        top = maximum(top, row[j])
    total = kind(0)
    for j in range(row.size):
        total += exp_nonpositive(row[j] - top)
    return top, log(total)


@kernel(reassoc=True)
def class_losses(x, target, weight, out, start, stop):
    """losses[i] = -log p[i, target[i]] and, if there are weights, spread[i] = -sum of
    weight log p[i]; both 0 where the target is no column."""
    kind = x.dtype.type
    losses, spread, top, shift = out[0], out[1], out[2], out[3]
    for i in range(start, stop):
        row, column = x[i], target[i]
        top[i], shift[i] = statistics_of_row(row)
        losses[i], spread[i] = 0, 0
        if 0 <= column < row.size:
            losses[i] = shift[i] - (row[column] - top[i])
            total, largest, logarithm = kind(0), top[i], shift[i]
            for j in range(weight.size):
                total += weight[j] * (logarithm - (row[j] - largest))
            spread[i] = total


@kernel
def class_gradients(x, top, shift, target, weight, pull, level, fall, out, start, stop):
    """out = fall p - level weight, less `pull` at the target; the last three are one a row."""
    for i in range(start, stop):
        row, result = x[i], out[i]
        largest, logarithm, factor, common = top[i], shift[i], fall[i], level[i]
        if common == 0:
            for j in range(row.size):
                result[j] = factor * exp_nonpositive((row[j] - largest) - logarithm)
        else:
            for j in range(row.size):
                power = exp_nonpositive((row[j] - largest) - logarithm)
                result[j] = factor * power - common * weight[j]
        if 0 <= target[i] < row.size:
            result[target[i]] -= pull[i]


@kernel(reassoc=True)
def probability_losses(x, target, weight, smoothing, losses, top, shift, start, stop):
    """losses[i] = -sum of weight t log p[i], t being the target with some of it spread evenly."""
    kind = x.dtype.type
    kept, even = kind(1 - smoothing), kind(smoothing / x.shape[1])
    for i in range(start, stop):
        row, wanted = x[i], target[i]
        top[i], shift[i] = statistics_of_row(row)
        total, largest, logarithm = kind(0), top[i], shift[i]
        for j in range(row.size):
            share = weight[j] * (wanted[j] * kept + even)
            total += share * (logarithm - (row[j] - largest))
        losses[i] = total


@kernel(reassoc=True)
def probability_gradients(x, top, shift, target, weight, smoothing, grad, out, start, stop):
    """out = grad (p sum(weight t) - weight t), of probability_losses."""
    kind = x.dtype.type
    kept, even = kind(1 - smoothing), kind(smoothing / x.shape[1])
    for i in range(start, stop):
        row, wanted, result = x[i], target[i], out[i]
        largest, logarithm, factor = top[i], shift[i], grad[i]
        total = kind(0)
        for j in range(row.size):
            total += weight[j] * (wanted[j] * kept + even)
        for j in range(row.size):
            power = exp_nonpositive((row[j] - largest) - logarithm)
            result[j] = factor * (power * total - weight[j] * (wanted[j] * kept + even))


@kernel(reassoc=True)
def log_softmax_gradients(x, top, shift, grad, out, start, stop):
    """out = grad - p sum(grad)."""
    for i in range(start, stop):
        row, g, result = x[i], grad[i], out[i]
        largest, logarithm = top[i], shift[i]
        total = g.dtype.type(0)
        for j in range(g.size):
            total += g[j]
        for j in range(g.size):
            result[j] = g[j] - exp_nonpositive((row[j] - largest) - logarithm) * total


@kernel
def put_at_targets(values, target, out):
    """out[i, target[i]] = values[i], of zeros; one value may serve for all rows."""
    step = 1 if values.size > 1 else 0
    for i in range(target.size):
        if 0 <= target[i] < out.shape[1]:
            out[i, target[i]] = values[i * step]


# --------------------------------------------------------------------------------------- routines
def cross_entropy_rows(x: Array, target: Array, weight: Maybe) -> tuple[Array, Array, Array, Array]:
    """(losses, spread, top, shift), each (N,), of scores x (N, C) and int64 targets (N,).

    losses: -log p at the target; spread: -sum of weight log p over all classes, for weight (C,).
    Both are 0 where the target is not in 0 .. C - 1, as for an ignored one.
    """
    rows = as_rows(x, 1)
    out = np.empty((4, len(rows)), rows.dtype)
    weights = out[0, :0] if weight is None else as_vector(weight, rows.dtype)
    over_rows(class_losses, rows, as_vector(target, np.int64), weights, out)
    return narrowed(out[0], x.dtype), narrowed(out[1], x.dtype), out[2], out[3]


def cross_entropy_backward(
    x: Array,
    top: Array,
    shift: Array,
    target: Array,
    weight: Maybe,
    pull: Array,
    level: Array,
    fall: Array,
) -> Array:
    """fall p - level weight - pull at the target, for `pull`, `level` and `fall` (N,)."""
    rows = as_rows(x, 1)
    dtype, out = rows.dtype, np.empty_like(rows)
    weights = np.ones(rows.shape[1], dtype) if weight is None else as_vector(weight, dtype)
    vectors = [as_vector(v, dtype) for v in (pull, level, fall)]
    labels = as_vector(target, np.int64)
    over_rows(class_gradients, rows, top, shift, labels, weights, *vectors, out)
    return from_rows(out, x, 1)


def soft_cross_entropy_rows(
    x: Array, target: Array, weight: Maybe, smoothing: float
) -> tuple[Array, Array, Array]:
    """(losses, top, shift), each (N,), of scores and target probabilities (N, C), with a part
    `smoothing` of the target spread over all classes."""
    rows = as_rows(x, 1)
    losses, top, shift = np.empty((3, len(rows)), rows.dtype)
    wanted, weights = soft_operands(rows, target, weight)
    over_rows(probability_losses, rows, wanted, weights, smoothing, losses, top, shift)
    return losses.astype(x.dtype, copy=False), top, shift


def soft_cross_entropy_backward(
    x: Array,
    top: Array,
    shift: Array,
    target: Array,
    weight: Maybe,
    smoothing: float,
    grad: Array,
) -> Array:
    """The gradient of the scores, from those of the losses (N,)."""
    rows = as_rows(x, 1)
    out = np.empty_like(rows)
    wanted, weights = soft_operands(rows, target, weight)
    grads = as_vector(grad, rows.dtype)
    over_rows(probability_gradients, rows, top, shift, wanted, weights, smoothing, grads, out)
    return from_rows(out, x, 1)


def soft_operands(rows: Array, target: Array, weight: Maybe) -> tuple[Array, Array]:
    """Target and weights in the dtype of the rows."""
    dtype = rows.dtype
    weights = np.ones(rows.shape[1], dtype) if weight is None else as_vector(weight, dtype)
    return np.ascontiguousarray(target, dtype), weights


def scores_backward(x: Array, top: Array, shift: Array, grad: Array) -> Array:
    """The gradient of log_softmax from its input (N, C) and what cross_entropy_rows kept of it."""
    rows = as_rows(x, 1)
    out = np.empty_like(rows)
    over_rows(log_softmax_gradients, rows, top, shift, as_rows(grad, 1), out)
    return from_rows(out, x, 1)


def at_targets(values: Array, target: Array, classes: int) -> Array:
    """(N, C) zeros, with values (N,), or one for all, at the targets (N,) that are classes."""
    computed = np.promote_types(values.dtype, np.float32)
    out = np.zeros((target.size, classes), computed)
    put_at_targets(values.reshape(-1).astype(computed, copy=False), target, out)
    return out.astype(values.dtype, copy=False)
