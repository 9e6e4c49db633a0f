"""The places where an array is not zero, and what a mask picks: found on the device.

Each thread counts in a part of its own, one adds the counts up, and each writes its places from
where its part begins.  Only their number comes to the host, which must know how long the result is.
"""

import functools
from typing import Any

import numpy as np

from minigrad.kernels.cuda import driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty
from minigrad.kernels.cuda.indexing import put_rows_at, take_rows
from minigrad.kernels.cuda.runtime import cuda, kernel

Dtype = np.dtype[Any]

PARTS = 1 << 13
SIMULATOR_PARTS = 3


def nonzero(mask: CudaArray) -> CudaArray:
    """The positions of the elements that are not zero, one a row: (count, ndim) int64."""
    flat = flat_nonzero(mask)
    count, ndim = flat.size, mask.ndim
    rows = empty((count, ndim), np.int64)
    block = mask.size
    for axis, size in enumerate(mask.shape):
        block //= max(size, 1)
        arguments = (count, size, block, ndim, axis, rows.buffer, flat.buffer)
        driver.launch_over(count, coordinate_kernel(), *arguments)
    return rows


def flat_nonzero(mask: CudaArray) -> CudaArray:
    """The places in the flat array: (count,) int64."""
    mask, n = mask.contiguous(), mask.size
    parts = min(n, SIMULATOR_PARTS if driver.is_simulator() else PARTS)
    if not parts:
        return empty((0,), np.int64)
    length = driver.ceil_div(n, parts)
    starts = empty((parts + 1,), np.int64)
    arrays = (mask.buffer, mask.offset, starts.buffer)
    driver.launch_over(parts, count_kernel(mask.dtype), parts, n, length, *arrays)
    driver.launch(sum_kernel(), 1, 1, parts, starts.buffer)
    places = empty((starts[parts:].item(),), np.int64)
    given = (*arrays, places.buffer)
    driver.launch_over(parts, places_kernel(mask.dtype), parts, n, length, *given)
    return places


@functools.cache
def count_kernel(dtype: Dtype) -> Any:
    computed = runtime.dtype_of(runtime.computed_in(dtype))

    @kernel
    def count_nonzero(parts, n, length, mask, offset, counts):
        for part in range(cuda.grid(1), parts, cuda.gridsize(1)):
            count = 0
            for i in range(part * length, min((part + 1) * length, n)):
                if computed(mask[offset + i]) != computed(0):
                    count += 1
            counts[part] = count

    return count_nonzero


@functools.cache
def sum_kernel() -> Any:
    @kernel
    def starts_of_parts(parts, counts):
        total = 0
        for part in range(parts):
            count = counts[part]
            counts[part] = total
            total += count
        counts[parts] = total

    return starts_of_parts


@functools.cache
def places_kernel(dtype: Dtype) -> Any:
    computed = runtime.dtype_of(runtime.computed_in(dtype))

    @kernel
    def places_nonzero(parts, n, length, mask, offset, starts, places):
        for part in range(cuda.grid(1), parts, cuda.gridsize(1)):
            place = starts[part]
            for i in range(part * length, min((part + 1) * length, n)):
                if computed(mask[offset + i]) != computed(0):
                    places[place] = i
                    place += 1

    return places_nonzero


@functools.cache
def coordinate_kernel() -> Any:
    @kernel
    def coordinate(n, size, block, ndim, axis, rows, flat):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            rows[i * ndim + axis] = flat[i] // block % size

    return coordinate


def masked_select(x: CudaArray, mask: CudaArray) -> CudaArray:
    """The elements of x where a mask of its shape is true, in one dimension."""
    return take_rows(x.reshape(-1), flat_nonzero(mask), 0)


def masked_scatter(x: CudaArray, mask: CudaArray, source: CudaArray) -> CudaArray:
    """A copy of x with the elements of `source`, in order, where a mask of its shape is true."""
    places = flat_nonzero(mask)
    if places.size > source.size:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    values = source.reshape(-1)[: places.size].reshape(-1, 1)
    return put_rows_at(x.reshape(x.size, 1), places, values).reshape(x.shape)
