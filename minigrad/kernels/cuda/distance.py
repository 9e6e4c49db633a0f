"""The p-norms of the differences of all pairs of rows, and their gradient: a thread a number.

Kernels are told p as a number of their own dtype, and as one of the special cases.
"""

import functools
import math
from typing import Any

import numpy as np

from minigrad.kernels.cuda import driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty, zeros
from minigrad.kernels.cuda.runtime import cuda, device, kernel

Dtype = np.dtype[Any]
COUNT, SUM, ROOT, LARGEST, POWER = range(5)
CASES = {0.0: COUNT, 1.0: SUM, 2.0: ROOT, math.inf: LARGEST}


def order(p: float, dtype: Dtype) -> tuple[int, Any]:
    """The case that p is, and p as kernels want it."""
    return CASES.get(float(p), POWER), runtime.computed_in(dtype).type(p)


def cdist(x: CudaArray, y: CudaArray, p: float, by_products: bool) -> CudaArray:
    """(N, P, M) and (N, R, M) to (N, P, R)."""
    x, y = x.contiguous(), y.contiguous()
    (batch, rows, depth), columns = x.shape, y.shape[1]
    out = empty((batch, rows, columns), x.dtype)
    arguments = (out.buffer, x.buffer, x.offset, y.buffer, y.offset, *order(p, x.dtype))
    run = distance_kernel(x.dtype)
    driver.launch_over(out.size, run, out.size, rows, columns, depth, *arguments)
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
    places = [place for part in parts for place in (part.buffer, part.offset)]
    sizes = (out.size, rows, columns, depth)
    run = pull_kernel(x.dtype)
    driver.launch_over(out.size, run, *sizes, out.buffer, *places, *order(p, x.dtype))
    return out


@device
def added(total, size, one, case, p):
    """A sum of powers, and the size of one more difference added to it."""
    if case == ROOT:
        return total + size * size
    if case == SUM:
        return total + size
    if case == LARGEST:
        return size if size > total or size != size else total
    if case == COUNT:
        return total + (one if size > size - size else size)  # NaN is no number of places
    return total + size**p


@functools.cache
def distance_kernel(dtype: Dtype) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)

    @kernel
    def cdist(n, rows, columns, depth, out, x, x_offset, y, y_offset, case, p):
        one = computed(1)
        for place in range(cuda.grid(1), n, cuda.gridsize(1)):
            batch, i, j = place // columns // rows, place // columns % rows, place % columns
            first = x_offset + (batch * rows + i) * depth
            second = y_offset + (batch * columns + j) * depth
            total = computed(0)
            for k in range(depth):
                size = abs(computed(x[first + k]) - computed(y[second + k]))
                total = added(total, size, one, case, p)
            if case == ROOT:
                total = math.sqrt(total)
            elif case == POWER:
                total = total ** (one / p)
            out[place] = stored(total)

    return cdist


@device
def slope(difference, length, zero, one, case, p):
    """The derivative of a distance by one of its differences."""
    size = abs(difference)
    if size == zero or (case == LARGEST and size != length):
        return zero
    if case == ROOT:
        return difference / length
    if case != POWER:
        return difference / size
    return difference / size * (size / length) ** (p - one)


@functools.cache
def pull_kernel(dtype: Dtype) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)

    @kernel
    def cdist_backward(
        n, rows, columns, depth, out,
        grad, grad_offset, x, x_offset, y, y_offset, lengths, lengths_offset, case, p,
    ):  # fmt: skip
        zero, one = computed(0), computed(1)
        for place in range(cuda.grid(1), n, cuda.gridsize(1)):
            row, k = place // depth, place % depth
            batch = row // rows
            total = zero
            for j in range(columns):
                other = y_offset + (batch * columns + j) * depth + k
                pair = row * columns + j
                difference = computed(x[x_offset + place]) - computed(y[other])
                length = computed(lengths[lengths_offset + pair])
                pull = slope(difference, length, zero, one, case, p)
                total += computed(grad[grad_offset + pair]) * pull
            out[place] = stored(total)

    return cdist_backward
