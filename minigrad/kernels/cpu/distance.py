"""The p-norms of the differences of all pairs of rows, and their gradient."""

import math
from typing import Any

import numpy as np

from minigrad.kernels.cpu import gemm
from minigrad.kernels.cpu.vector_math import (
    copysign,
    either_width,
    exp_float32,
    exp_float64,
    log,
    maximum,
    where,
)
from minigrad.kernels.jit import kernel, scalar

Array = np.ndarray[Any, Any]

THIN = 16  # coordinates from which they fill a vector


exp = either_width(exp_float32, exp_float64)


@scalar
def power(x, p):
    """x ** p for x >= 0, in a loop that vectorises; 0 for 0."""
    return exp(p * log(x))


@scalar
def unless_nan(value, difference):
    """What comes of a difference; NaN for NaN."""
    return where(difference == difference, value, difference)


@kernel(reassoc=True)
def distance(a, b, p):
    """(sum of |a - b| ** p) ** (1 / p); for p = 0 the number of places where they differ."""
    kind = a.dtype.type
    total = kind(0)
    if p == 2.0:
        for k in range(a.size):
            total += (a[k] - b[k]) * (a[k] - b[k])
        return math.sqrt(total)
    if p == 1.0:
        for k in range(a.size):
            total += abs(a[k] - b[k])
    elif p == np.inf:
        for k in range(a.size):
            total = maximum(total, abs(a[k] - b[k]))
    elif p == 0.0:
        for k in range(a.size):
            total += unless_nan(kind(a[k] != b[k]), a[k] - b[k])
    else:
        for k in range(a.size):
            total += power(abs(a[k] - b[k]), kind(p))
        total = power(total, kind(1 / p))
    return total


@kernel
def all_distances(x, y, out, p):
    """out[n, i, j] = the distance of x[n, i] and y[n, j]."""
    for n in range(x.shape[0]):
        for i in range(x.shape[1]):
            for j in range(y.shape[1]):
                out[n, i, j] = distance(x[n, i], y[n, j], p)


@kernel
def add_column(row, value, others, p):
    """Add the parts of one coordinate to the sums that make up the distances of a row."""
    kind = row.dtype.type
    if p == 2.0:
        for j in range(row.size):
            row[j] += (value - others[j]) * (value - others[j])
    elif p == 1.0:
        for j in range(row.size):
            row[j] += abs(value - others[j])
    elif p == np.inf:
        for j in range(row.size):
            row[j] = maximum(row[j], abs(value - others[j]))
    elif p == 0.0:
        for j in range(row.size):
            row[j] += unless_nan(kind(value != others[j]), value - others[j])
    else:
        for j in range(row.size):
            row[j] += power(abs(value - others[j]), kind(p))


@kernel
def thin_distances(x, columns, out, p):
    """The same for points with few coordinates, of which `columns` has one after the other."""
    kind = out.dtype.type
    for n in range(x.shape[0]):
        for i in range(x.shape[1]):
            row = out[n, i]
            row[:] = 0
            for k in range(x.shape[2]):
                add_column(row, x[n, i, k], columns[n, k], p)
            if p == 2.0:
                for j in range(row.size):
                    row[j] = math.sqrt(row[j])
            elif p != 1.0 and p != np.inf and p != 0.0:
                for j in range(row.size):
                    row[j] = power(row[j], kind(1 / p))


@kernel
def distances_of_products(x_squares, y_squares, out):
    """out holds the products x @ y.T: |x - y|^2 = |x|^2 - 2 x y + |y|^2."""
    zero, two = out.dtype.type(0), out.dtype.type(2)
    for n in range(out.shape[0]):
        for i in range(out.shape[1]):
            row, others, own = out[n, i], y_squares[n], x_squares[n, i]
            for j in range(row.size):
                row[j] = math.sqrt(maximum(own + others[j] - two * row[j], zero))


@kernel
def weigh(weights, grads, lengths, p):
    """The part of the derivative of a distance that is the same for all coordinates."""
    kind = weights.dtype.type
    zero, one = kind(0), kind(1)
    if p == 1.0 or p == np.inf:
        weights[:] = grads
    elif p == 2.0:
        for j in range(weights.size):
            weights[j] = where(lengths[j] == zero, zero, grads[j] / lengths[j])
    else:
        for j in range(weights.size):
            slope = grads[j] / power(lengths[j], kind(p) - one)
            weights[j] = where(lengths[j] == zero, zero, slope)


@kernel(reassoc=True)
def pull(weights, lengths, value, others, p):
    """The derivative of the weighted sum of distances, by one coordinate of one point."""
    kind = weights.dtype.type
    zero, total = kind(0), kind(0)
    if p == 2.0:
        for j in range(weights.size):
            total += weights[j] * (value - others[j])
    elif p == 1.0:
        for j in range(weights.size):
            sign = kind(value > others[j]) - kind(value < others[j])
            total += weights[j] * unless_nan(sign, value - others[j])
    elif p == np.inf:
        for j in range(weights.size):
            sign = kind(value > others[j]) - kind(value < others[j])
            total += weights[j] * where(abs(value - others[j]) == lengths[j], sign, zero)
    else:
        for j in range(weights.size):
            difference = value - others[j]
            slope = copysign(power(abs(difference), kind(p - 1)), difference)
            total += weights[j] * where(difference == zero, zero, slope)
    return total


@kernel
def all_pulls(grad, x, columns, lengths, out, p):
    """out[n, i] = the sum over j of grad[n, i, j] times the derivative of the distance."""
    weights = np.empty(grad.shape[2], grad.dtype)
    for n in range(x.shape[0]):
        for i in range(x.shape[1]):
            weigh(weights, grad[n, i], lengths[n, i], p)
            for k in range(x.shape[2]):
                out[n, i, k] = pull(weights, lengths[n, i], x[n, i, k], columns[n, k], p)


# ------------------------------------------------------------------------------------ the routines


def cdist(x: Array, y: Array, p: float, by_products: bool) -> Array:
    """(N, P, M) and (N, R, M) to (N, P, R).  `by_products`: with a matrix product, which is fast
    and less exact for near points (only for p = 2)."""
    if x.dtype == np.float16:
        wide = cdist(x.astype(np.float32), y.astype(np.float32), p, by_products)
        return wide.astype(np.float16)
    if by_products:
        out = gemm.matmul(x, y.swapaxes(1, 2))
        distances_of_products(squares(x), squares(y), out)
        return out
    out = np.empty((*x.shape[:2], y.shape[1]), x.dtype)
    if x.shape[2] < THIN:
        thin_distances(np.ascontiguousarray(x), columns_of(y), out, float(p))
    else:
        all_distances(np.ascontiguousarray(x), np.ascontiguousarray(y), out, float(p))
    return out


def columns_of(y: Array) -> Array:
    """The coordinates one after the other, each of all points."""
    return np.ascontiguousarray(y.swapaxes(1, 2))


def squares(x: Array) -> Array:
    return np.asarray(np.einsum("nim,nim->ni", x, x))


def cdist_backward(
    grad: Array, x: Array, y: Array, lengths: Array, p: float, by_products: bool
) -> Array:
    """The gradient of x; that of y with x and y, and the last two axes of the others, swapped."""
    if p == 0:
        return np.zeros_like(x)
    if x.dtype == np.float16:
        wide: Any = [part.astype(np.float32) for part in (grad, x, y, lengths)]
        narrow: Array = cdist_backward(wide[0], wide[1], wide[2], wide[3], p, by_products)
        return narrow.astype(np.float16)
    if by_products:
        with np.errstate(all="ignore"):
            weights = np.where(lengths == 0, 0, grad / lengths)
        return weights.sum(2, keepdims=True) * x - gemm.matmul(weights, y)
    out = np.empty(x.shape, x.dtype)
    grad, x, lengths = (np.ascontiguousarray(part) for part in (grad, x, lengths))
    all_pulls(grad, x, columns_of(y), lengths, out, float(p))
    return out
