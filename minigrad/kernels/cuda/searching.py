"""Where a value belongs among sorted ones."""

import functools
import math
from typing import Any

import numpy as np

from minigrad.kernels.cuda import driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty
from minigrad.kernels.cuda.runtime import cuda, kernel

Dtype = np.dtype[Any]


def searchsorted(
    boundaries: CudaArray, values: CudaArray, sorter: CudaArray | None, right: bool
) -> CudaArray:
    """int64 places in the last axis of `boundaries`, for values of the same other axes or, where
    it has one axis, of any shape.  Both are of one dtype."""
    out = empty(values.shape, np.int64)
    boundaries, values = boundaries.contiguous(), values.contiguous()
    order = empty((0,), np.int64) if sorter is None else sorter.contiguous()
    count = out.size // max(math.prod(boundaries.shape[:-1]), 1)
    sizes = (out.size, boundaries.shape[-1], count, sorter is not None, right)
    arrays = [out.buffer]
    for x in (boundaries, values, order):
        arrays += [x.buffer, x.offset]
    driver.launch_over(out.size, search_kernel(boundaries.dtype), *sizes, *arrays)
    return out


@functools.cache
def search_kernel(dtype: Dtype) -> Any:
    computed = runtime.dtype_of(runtime.computed_in(dtype))

    @kernel
    def searchsorted(n, size, count, ordered, right, out, rows, first, values, offset, order, o):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            row, value = i // count * size, computed(values[offset + i])
            start, length = 0, size
            while length > 0:
                half = length // 2
                place = start + half
                if ordered:
                    place = order[o + row + place]
                one = computed(rows[first + row + place])
                if (right and one > value) or (not right and one >= value):
                    length = half
                else:
                    start += half + 1
                    length -= half + 1
            out[i] = start

    return searchsorted
