"""The p-norms of the differences of all pairs of rows, and their gradient: a thread a number."""

import functools
import math
from typing import Any

import numpy as np

from minigrad.kernels.cuda import driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty, zeros
from minigrad.kernels.cuda.runtime import cuda, device, kernel

Dtype = np.dtype[Any]
INFINITY = -1.0  # what a kernel is told for p = inf


def cdist(x: CudaArray, y: CudaArray, p: float, by_products: bool) -> CudaArray:
    """(N, P, M) and (N, R, M) to (N, P, R)."""
    x, y = x.contiguous(), y.contiguous()
    (batch, rows, depth), columns = x.shape, y.shape[1]
    out = empty((batch, rows, columns), x.dtype)
    arguments = (out.buffer, x.buffer, x.offset, y.buffer, y.offset, order(p))
    driver.launch_over(
        out.size, distance_kernel(x.dtype), out.size, rows, columns, depth, *arguments
    )
    return out


def cdist_backward(
    grad: CudaArray, x: CudaArray, y: CudaArray, lengths: CudaArray, p: float, by_products: bool
) -> CudaArray:
    """The gradient of x; that of y with x and y, and the last two axes of the others, swapped."""
    if p == 0:
        return zeros(x.shape, x.dtype)
    parts = [part.contiguous() for part in (grad, x, y, lengths)]
    (_, rows, depth), columns = x.shape, y.shape[1]
    out = empty(x.shape, x.dtype)
    arguments = [place for part in parts for place in (part.buffer, part.offset)]
    run = pull_kernel(x.dtype)
    driver.launch_over(
        out.size, run, out.size, rows, columns, depth, out.buffer, *arguments, order(p)
    )
    return out


def order(p: float) -> float:
    return INFINITY if math.isinf(p) else float(p)


@device
def added(total, difference, p):
    """A difference's part of a distance, added to what is there already."""
    size = abs(difference)
    if p == 2:
        return total + size * size
    if p == 1:
        return total + size
    if p == INFINITY:
        return size if size > total or size != size else total
    if p == 0:
        return total + (1 if size != 0 else 0)
    return total + size**p


@functools.cache
def distance_kernel(dtype: Dtype) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)

    @kernel
    def cdist(n, rows, columns, depth, out, x, x_offset, y, y_offset, p):
        for place in range(cuda.grid(1), n, cuda.gridsize(1)):
            batch, i, j = place // columns // rows, place // columns % rows, place % columns
            first = x_offset + (batch * rows + i) * depth
            second = y_offset + (batch * columns + j) * depth
            total = computed(0)
            for k in range(depth):
                difference = computed(x[first + k]) - computed(y[second + k])
                total = computed(added(total, difference, computed(p)))
            if p == 2:
                total = computed(math.sqrt(total))
            elif p > 0 and p != 1:
                total = computed(total ** (1 / computed(p)))
            out[place] = stored(total)

    return cdist


@device
def slope(difference, length, p):
    """The derivative of a distance by one of its differences."""
    size = abs(difference)
    if size == 0 or (p == INFINITY and size != length):
        return 0 * size
    if p == INFINITY or p == 1:
        return difference / size
    if p == 2:
        return difference / length
    return difference / size * (size / length) ** (p - 1)


@functools.cache
def pull_kernel(dtype: Dtype) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)

    @kernel
    def cdist_backward(
        n, rows, columns, depth, out,
        grad, grad_offset, x, x_offset, y, y_offset, lengths, lengths_offset, p,
    ):  # fmt: skip
        for place in range(cuda.grid(1), n, cuda.gridsize(1)):
            row, k = place // depth, place % depth
            batch = row // rows
            total = computed(0)
            for j in range(columns):
                other = y_offset + (batch * columns + j) * depth + k
                difference = computed(x[x_offset + place]) - computed(y[other])
                length = computed(lengths[lengths_offset + row * columns + j])
                pull = slope(difference, length, computed(p))
                total += computed(grad[grad_offset + row * columns + j]) * computed(pull)
            out[place] = stored(total)

    return cdist_backward
