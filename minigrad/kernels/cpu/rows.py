"""Kernels that work row by row: softmax and its relatives, layer normalisation.

One row fits the first-level cache, so a kernel may pass over it several times: memory is read once
and written once. The rows of an array are its last axis; another axis is moved there first.
float16 computes in float32.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.kernels import threads
from minigrad.kernels.cpu.vector_math import exp_nonpositive, log, maximum
from minigrad.kernels.jit import kernel
from minigrad.kernels.promotion import narrowed

Array = np.ndarray[Any, Any]
Maybe = Array | None

LARGE = 1 << 18  # elements from which threads pay
COLUMNS = 256  # columns handled together where rows are not the last axis
GROUP = 128  # rows whose weight gradients are added in their own type; the groups in float64


# ---------------------------------------------------------------------------------------- kernels
@kernel(reassoc=True)
def softmax_rows(x, out, start, stop):
    """out = e^x / sum(e^x), both divided by e^max so that nothing overflows."""
    kind = x.dtype.type
    for i in range(start, stop):
        row, result = x[i], out[i]
        top = kind(-np.inf)
        for j in range(row.size):
            top = maximum(top, row[j])
        total = kind(0)
        for j in range(row.size):
            power = exp_nonpositive(row[j] - top)
            result[j] = power
            total += power
        scale = kind(1) / total
        for j in range(row.size):
            result[j] *= scale


@kernel(reassoc=True)
def log_softmax_rows(x, out, start, stop):
    """out = x - max - log(sum(e^(x - max)))."""
    kind = x.dtype.type
    for i in range(start, stop):
        row, result = x[i], out[i]
        top = kind(-np.inf)
        for j in range(row.size):
            top = maximum(top, row[j])
        total = kind(0)
        for j in range(row.size):
            total += exp_nonpositive(row[j] - top)
        shift = log(total)
        for j in range(row.size):
            result[j] = (row[j] - top) - shift


@kernel(reassoc=True)
def softmax_columns(x, out, start, stop, length, inner, log_of_it):
    """softmax or its logarithm along the middle of a flat (outer, length, inner): a tile of columns
    at a time, which are read three times from the cache."""
    kind = x.dtype.type
    top, total = np.empty(COLUMNS, x.dtype), np.empty(COLUMNS, x.dtype)
    tiles = (inner + COLUMNS - 1) // COLUMNS
    for block in range(start, stop):
        left = block % tiles * COLUMNS
        first, width = block // tiles * length * inner + left, min(COLUMNS, inner - left)
        top[:], total[:] = kind(-np.inf), kind(0)
        for k in range(length):
            row = x[first + k * inner : first + k * inner + width]
            for j in range(row.size):
                top[j] = maximum(top[j], row[j])
        for k in range(length):
            row = x[first + k * inner : first + k * inner + width]
            result = out[first + k * inner : first + k * inner + width]
            for j in range(row.size):
                power = exp_nonpositive(row[j] - top[j])
                total[j] += power
                result[j] = power
        for j in range(width):
            total[j] = log(total[j]) if log_of_it else kind(1) / total[j]
        for k in range(length):
            row = x[first + k * inner : first + k * inner + width]
            result = out[first + k * inner : first + k * inner + width]
            if log_of_it:
                for j in range(row.size):
                    result[j] = (row[j] - top[j]) - total[j]
            else:
                for j in range(row.size):
                    result[j] *= total[j]


@kernel(reassoc=True)
def softmax_backward_rows(grad, result, out, start, stop):
    """out = result (grad - sum(grad result))."""
    for i in range(start, stop):
        g, y, dx = grad[i], result[i], out[i]
        total = g.dtype.type(0)
        for j in range(g.size):
            total += g[j] * y[j]
        for j in range(g.size):
            dx[j] = (g[j] - total) * y[j]


@kernel(reassoc=True)
def log_softmax_backward_rows(grad, result, out, start, stop):
    """out = grad - e^result sum(grad)."""
    for i in range(start, stop):
        g, y, dx = grad[i], result[i], out[i]
        total = g.dtype.type(0)
        for j in range(g.size):
            total += g[j]
        for j in range(g.size):
            dx[j] = g[j] - exp_nonpositive(y[j]) * total


@kernel(reassoc=True)
def layer_norm_rows(x, weight, bias, eps, out, mean, rstd, start, stop):
    """out = (x - mean) rstd weight + bias, rstd = 1 / sqrt(variance + eps)."""
    kind = x.dtype.type
    size = kind(x.shape[1])
    for i in range(start, stop):
        row, result = x[i], out[i]
        total, squares = kind(0), kind(0)
        for j in range(row.size):
            total += row[j]
        center = total / size
        for j in range(row.size):
            difference = row[j] - center
            squares += difference * difference
        scale = kind(1.0 / math.sqrt(squares / size + eps))
        for j in range(row.size):
            result[j] = (row[j] - center) * scale * weight[j] + bias[j]
        mean[i], rstd[i] = center, scale


@kernel(reassoc=True)
def layer_norm_backward_rows(grad, x, mean, rstd, weight, dx, sums, start, stop):
    """The gradients of layer_norm, for groups start to stop of GROUP rows each.

    With n = (x - mean) rstd and g = grad weight: dx = rstd (g - mean(g) - n mean(g n)), unless dx
    has no rows; sums[group] = (sum of grad n, sum of grad), unless it has no columns.
    """
    kind = x.dtype.type
    size = kind(x.shape[1])
    for group in range(start, stop):
        products, grads = sums[group, 0], sums[group, 1]
        for i in range(group * GROUP, min((group + 1) * GROUP, x.shape[0])):
            g, row = grad[i], x[i]
            center, scale = mean[i], rstd[i]
            if dx.size:
                result = dx[i]
                total, product = kind(0), kind(0)
                for j in range(row.size):
                    scaled = g[j] * weight[j]
                    total += scaled
                    product += scaled * (row[j] - center)
                slope = product * scale * scale / size
                shift = total / size
                for j in range(row.size):
                    result[j] = scale * (g[j] * weight[j] - shift - slope * (row[j] - center))
            for j in range(products.size):
                products[j] += g[j] * ((row[j] - center) * scale)
                grads[j] += g[j]


# ----------------------------------------------------------------------------------------- layout
def as_rows(x: Array, axis: int) -> Array:
    """x as (rows, n) in C order with `axis` last, float16 as float32."""
    if x.ndim == 0:
        x = x.reshape(1)
    if axis != x.ndim - 1:
        x = np.moveaxis(x, axis, -1)
    rows = x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    if rows.dtype.char in "fd" and rows.flags.c_contiguous:
        return rows
    return np.ascontiguousarray(rows, np.promote_types(rows.dtype, np.float32))


def from_rows(rows: Array, like: Array, axis: int) -> Array:
    """Rows back in the shape, axis order and dtype of `like`, C-contiguous."""
    rows = narrowed(rows, like.dtype)
    if axis >= like.ndim - 1:
        return rows if like.ndim == 2 else rows.reshape(like.shape)
    shape = like.shape[:axis] + like.shape[axis + 1 :] + like.shape[axis : axis + 1]
    return np.ascontiguousarray(np.moveaxis(rows.reshape(shape), -1, axis))


def over_rows(run: Callable[..., None], rows: Array, *arguments: Any) -> None:
    """Call run(rows, *arguments, start, stop), on several threads if there are many elements."""
    count = rows.shape[0]
    if rows.size < LARGE:
        run(rows, *arguments, 0, count)
    else:
        grain = max(1, LARGE // 2 // rows.shape[1])
        threads.split(count, grain, lambda start, stop: run(rows, *arguments, start, stop))


def over_columns(x: Array, axis: int, log_of_it: bool) -> Array:
    """softmax_columns along an axis that is not the last, on several threads if x is large."""
    flat, length, inner = x.reshape(-1), x.shape[axis], math.prod(x.shape[axis + 1 :])
    out = np.empty_like(flat)
    blocks = math.prod(x.shape[:axis]) * -(-inner // COLUMNS)
    grain = blocks if x.size < LARGE else 1
    threads.split(
        blocks,
        max(grain, 1),
        lambda start, stop: softmax_columns(flat, out, start, stop, length, inner, log_of_it),
    )
    return out.reshape(x.shape)


# --------------------------------------------------------------------------------------- routines
def softmax(x: Array, axis: int) -> Array:
    """e^x / sum(e^x) along an axis."""
    if x.ndim - axis > 1 and x.flags.c_contiguous and x.dtype.char in "fd":
        return over_columns(x, axis, False)
    rows = as_rows(x, axis)
    out = np.empty_like(rows)
    over_rows(softmax_rows, rows, out)
    return from_rows(out, x, axis)


def log_softmax(x: Array, axis: int) -> Array:
    """log(softmax(x)) along an axis."""
    if x.ndim - axis > 1 and x.flags.c_contiguous and x.dtype.char in "fd":
        return over_columns(x, axis, True)
    rows = as_rows(x, axis)
    out = np.empty_like(rows)
    over_rows(log_softmax_rows, rows, out)
    return from_rows(out, x, axis)


def softmax_backward(grad: Array, result: Array, axis: int) -> Array:
    """The gradient of softmax's input."""
    rows = as_rows(grad, axis)
    out = np.empty_like(rows)
    over_rows(softmax_backward_rows, rows, as_rows(result, axis), out)
    return from_rows(out, result, axis)


def log_softmax_backward(grad: Array, result: Array, axis: int) -> Array:
    """The gradient of log_softmax's input."""
    rows = as_rows(grad, axis)
    out = np.empty_like(rows)
    over_rows(log_softmax_backward_rows, rows, as_rows(result, axis), out)
    return from_rows(out, result, axis)


def layer_norm(x: Array, weight: Maybe, bias: Maybe, eps: float) -> tuple[Array, Array, Array]:
    """(out (N, D), mean (N,), rstd (N,)) of x (N, D): normalised rows times weight plus bias."""
    rows = as_rows(x, 1)
    count, width = rows.shape
    out, dtype = np.empty_like(rows), rows.dtype
    mean, rstd = np.empty(count, dtype), np.empty(count, dtype)
    scale = np.ones(width, dtype) if weight is None else as_vector(weight, dtype)
    shift = np.zeros(width, dtype) if bias is None else as_vector(bias, dtype)
    over_rows(layer_norm_rows, rows, scale, shift, eps, out, mean, rstd)
    return from_rows(out, x, 1), mean.astype(x.dtype, copy=False), rstd.astype(x.dtype, copy=False)


def layer_norm_backward(
    grad: Array,
    x: Array,
    mean: Array,
    rstd: Array,
    weight: Maybe,
    mask: tuple[bool, bool, bool],
) -> tuple[Maybe, Maybe, Maybe]:
    """(dx, dweight, dbias) of layer_norm, None where `mask` is False."""
    grads, rows = as_rows(grad, 1), as_rows(x, 1)
    dtype, (count, width) = rows.dtype, rows.shape
    groups = -(-count // GROUP)
    scale = np.ones(width, dtype) if weight is None else as_vector(weight, dtype)
    dx = np.empty((count if mask[0] else 0, width), dtype)
    sums = np.zeros((groups, 2, width if mask[1] or mask[2] else 0), dtype)
    arguments = grads, rows, as_vector(mean, dtype), as_vector(rstd, dtype), scale, dx, sums
    if rows.size < LARGE:
        layer_norm_backward_rows(*arguments, 0, groups)
    else:
        threads.split(groups, 1, lambda a, b: layer_norm_backward_rows(*arguments, a, b))
    dweight, dbias = narrowed(sums.sum(0, dtype=np.float64), x.dtype)
    return (
        from_rows(dx, x, 1) if mask[0] else None,
        dweight if mask[1] else None,
        dbias if mask[2] else None,
    )


def as_vector(x: Array, dtype: Any) -> Array:
    return np.ascontiguousarray(x, dtype)
