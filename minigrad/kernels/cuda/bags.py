"""Rows of a table added up, or their maxima taken, a bag at a time."""

import functools
from typing import Any

import numpy as np

from minigrad.determinism import are_deterministic_algorithms_enabled
from minigrad.kernels.cuda import driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty, full, zeros
from minigrad.kernels.cuda.indexing import sum_dtype
from minigrad.kernels.cuda.runtime import cuda, kernel

Dtype = np.dtype[Any]


def weighted_rows(
    source: CudaArray, picked: CudaArray, bags: CudaArray, weights: CudaArray | None, count: int
) -> CudaArray:
    """(count, D): zeros, to which weights[k] * source[picked[k]] is added in row bags[k], in any
    order unless deterministic results are asked for; numbers that are no rows are left out."""
    out = zeros((count, source.shape[1]), sum_dtype(source.dtype))
    given = empty((0,), source.dtype) if weights is None else weights.contiguous()
    source, picked, bags = source.contiguous(), picked.contiguous(), bags.contiguous()
    width, run = source.shape[1], weighted_kernel
    n, last = picked.size * width, count
    if are_deterministic_algorithms_enabled():
        n, last, run = count * width, picked.size, weighted_in_order_kernel
    sizes = (n, width, source.shape[0], last, weights is not None)
    arrays = [out.buffer]
    for x in (source, picked, bags, given):
        arrays += [x.buffer, x.offset]
    driver.launch_over(n, run(source.dtype, out.dtype), *sizes, *arrays)
    return out.astype(source.dtype, copy=False)


@functools.cache
def weighted_kernel(dtype: Dtype, total: Dtype) -> Any:
    computed = runtime.dtype_of(total)

    @kernel
    def weighted_rows(n, width, rows, count, scaled, out, x, xo, picked, po, bags, bo, scale, so):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            k, column = i // width, i % width
            row, bag = picked[po + k], bags[bo + k]
            if 0 <= row < rows and 0 <= bag < count:
                value = computed(x[xo + row * width + column])
                if scaled:
                    value *= computed(scale[so + k])
                cuda.atomic.add(out, bag * width + column, value)

    return weighted_rows


@functools.cache
def weighted_in_order_kernel(dtype: Dtype, total: Dtype) -> Any:
    """The same with one thread for all that comes to an element of the result."""
    computed = runtime.dtype_of(total)

    @kernel
    def in_order(n, width, rows, count, scaled, out, x, xo, picked, po, bags, bo, scale, so):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            for k in range(count):
                row = picked[po + k]
                if bags[bo + k] == i // width and 0 <= row < rows:
                    value = computed(x[xo + row * width + i % width])
                    if scaled:
                        value *= computed(scale[so + k])
                    out[i] += value

    return in_order


def maxima_of_rows(
    source: CudaArray, picked: CudaArray, bags: CudaArray, count: int
) -> tuple[CudaArray, CudaArray]:
    """(count, D) maxima of source[picked[k]] with bags[k] equal, and the rows they come from: 0 and
    -1 where there are none."""
    width = source.shape[1]
    out, rows = zeros((count, width), source.dtype), full((count, width), -1, np.int64)
    source, picked, bags = source.contiguous(), picked.contiguous(), bags.contiguous()
    n = count * width
    sizes = (n, width, source.shape[0], picked.size)
    arrays = [out.buffer, rows.buffer]
    for x in (source, picked, bags):
        arrays += [x.buffer, x.offset]
    driver.launch_over(n, maxima_kernel(source.dtype), *sizes, *arrays)
    return out, rows


@functools.cache
def maxima_kernel(dtype: Dtype) -> Any:
    computed = runtime.dtype_of(runtime.computed_in(dtype))

    @kernel
    def maxima_of_rows(n, width, limit, count, out, rows, x, xo, picked, po, bags, bo):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            for k in range(count):
                row = picked[po + k]
                if bags[bo + k] == i // width and 0 <= row < limit:
                    value = x[xo + row * width + i % width]
                    if rows[i] < 0 or computed(value) > computed(out[i]):
                        out[i] = value
                        rows[i] = row

    return maxima_of_rows
