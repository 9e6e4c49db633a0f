"""The p-norms of the differences of all pairs of rows, and their gradient."""

import math
from typing import Any

import numpy as np

from minigrad.kernels.cpu import gemm
from minigrad.kernels.cpu.vector_math import maximum
from minigrad.kernels.jit import kernel

Array = np.ndarray[Any, Any]


@kernel(reassoc=True)
def distance(a, b, p):
    """(sum of |a - b| ** p) ** (1 / p); for p = 0 the number of places where they differ."""
    total = a.dtype.type(0)
    if p == 2.0:
        for k in range(a.size):
            total += (a[k] - b[k]) * (a[k] - b[k])
        return a.dtype.type(math.sqrt(total))
    if p == 1.0:
        for k in range(a.size):
            total += abs(a[k] - b[k])
    elif p == np.inf:
        for k in range(a.size):
            total = maximum(total, abs(a[k] - b[k]))
    elif p == 0.0:
        for k in range(a.size):
            total += a.dtype.type(a[k] != b[k])
    else:
        for k in range(a.size):
            total += a.dtype.type(math.pow(abs(a[k] - b[k]), p))
        total = a.dtype.type(math.pow(total, 1 / p))
    return total


@kernel
def all_distances(x, y, out, p):
    """out[n, i, j] = the distance of x[n, i] and y[n, j]."""
    for n in range(x.shape[0]):
        for i in range(x.shape[1]):
            for j in range(y.shape[1]):
                out[n, i, j] = distance(x[n, i], y[n, j], p)


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
def add_pull(total, a, b, grad, length, p):
    """total += grad times the derivative of the distance of a and b, in a."""
    kind = a.dtype.type
    if p == np.inf:
        for k in range(a.size):
            difference = a[k] - b[k]
            if abs(difference) == length:
                total[k] += grad * kind(np.sign(difference))
    elif p == 1.0:
        for k in range(a.size):
            total[k] += grad * kind(np.sign(a[k] - b[k]))
    elif length == 0:
        return
    elif p == 2.0:
        weight = grad / length
        for k in range(a.size):
            total[k] += weight * (a[k] - b[k])
    else:
        weight = grad * kind(math.pow(length, 1 - p))
        for k in range(a.size):
            difference = a[k] - b[k]
            if difference != 0:
                power = kind(math.pow(abs(difference), p - 1))
                total[k] += weight * math.copysign(power, difference)


@kernel
def all_pulls(grad, x, y, lengths, out, p):
    """out[n, i] = the sum over j of grad[n, i, j] times the derivative of the distance."""
    out[:] = 0
    for n in range(x.shape[0]):
        for i in range(x.shape[1]):
            for j in range(y.shape[1]):
                add_pull(out[n, i], x[n, i], y[n, j], grad[n, i, j], lengths[n, i, j], p)


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
    all_distances(np.ascontiguousarray(x), np.ascontiguousarray(y), out, float(p))
    return out


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
    parts = [np.ascontiguousarray(part) for part in (grad, x, y, lengths)]
    all_pulls(*parts, out, float(p))
    return out
