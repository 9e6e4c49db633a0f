"""Reading and writing along an axis, where an index array of as many dimensions says.

An array is taken apart into blocks (outer, n, inner) around the axis, as on the CPU.  Sums are made
with atomic additions, in any order, unless deterministic results are asked for.  Where values are
put, the last of equal places stays; products and extremes are made by one thread a column, in
order: these do not change from run to run.
"""

import functools
import math
from typing import Any

import numpy as np

from minigrad.determinism import are_deterministic_algorithms_enabled
from minigrad.kernels.cuda import driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty, zeros
from minigrad.kernels.cuda.indexing import put_rows_at, row_of, sum_dtype
from minigrad.kernels.cuda.runtime import cuda, device, kernel, maximum, minimum

Dtype = np.dtype[Any]
Shape = tuple[int, ...]


@device
def added(x, y):
    return x + y


@device
def product(x, y):
    return x * y


@device
def either(x, y):
    return x or y


@device
def both(x, y):
    return x and y


COMBINE = {"sum": added, "prod": product, "amax": maximum, "amin": minimum}
OF_BOOLS = {"sum": either, "amax": either, "prod": both, "amin": both}


# ---------------------------------------------------------------------------------------- layout


def sizes(shape: Shape, axis: int) -> tuple[int, int, int]:
    """(outer, n, inner) around the axis of a shape."""
    return math.prod(shape[:axis]), shape[axis] if shape else 1, math.prod(shape[axis + 1 :])


def region(x: CudaArray, index: CudaArray, axis: int) -> CudaArray:
    """The part of x that an index array, smaller beside the axis, reaches."""
    if not x.ndim:
        return x
    return x[tuple(slice(None if i == axis else n) for i, n in enumerate(index.shape))]


# ---------------------------------------------------------------------------------------- reading


def gather(x: CudaArray, index: CudaArray, axis: int) -> CudaArray:
    """out[..., i, ...] = x[..., index[..., i, ...], ...], in the shape of `index`."""
    out = empty(index.shape, x.dtype)
    if not out.size:
        return out
    source, index = region(x, index, axis).contiguous(), index.contiguous()
    _, picks, inner = sizes(index.shape, axis)
    _, rows, _ = sizes(source.shape, axis)
    arrays = (out.buffer, source.buffer, source.offset, index.buffer, index.offset)
    arguments = (out.size, rows, picks, inner, *arrays, driver.fault_flag())
    driver.launch_over(out.size, gather_kernel(x.dtype), *arguments)
    driver.expect_faults()
    return out


@functools.cache
def gather_kernel(dtype: Dtype) -> Any:
    @kernel
    def gather(n, rows, picks, inner, out, x, x_offset, index, index_offset, fault):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            column, block = i % inner, i // inner // picks
            row = row_of(index[index_offset + i], rows, fault)
            if row >= 0:
                out[i] = x[x_offset + (block * rows + row) * inner + column]

    return gather


# ---------------------------------------------------------------------------------------- writing


def scatter(x: CudaArray, index: CudaArray, values: CudaArray, axis: int, mode: str) -> CudaArray:
    """A copy of x in which x[..., index[..., i, ...], ...] took values[..., i, ...] in: as `mode`
    says, by "put", "sum", "prod", "amax" or "amin"."""
    if not index.size:
        return x.copy()
    part = region(x, index, axis)
    if values.shape != index.shape:
        values = values[tuple(map(slice, index.shape))]
    written = scattered(part, index.contiguous(), values.contiguous(), axis, mode)
    if part.shape == x.shape:
        return written
    out = x.copy()
    region(out, index, axis)[...] = written
    return out


def add_along(shape: Shape, index: CudaArray, values: CudaArray, axis: int) -> CudaArray:
    """The gradient of gather: zeros of `shape`, with `values` added where `index` says."""
    return scatter(zeros(shape, values.dtype), index, values, axis, "sum")


def scattered(x: CudaArray, index: CudaArray, values: CudaArray, axis: int, mode: str) -> CudaArray:
    """scatter where the index reaches all of x; index and values are contiguous."""
    _, picks, inner = sizes(index.shape, axis)
    _, rows, _ = sizes(x.shape, axis)
    layout = (rows, picks, inner)
    if mode == "put":
        places = flat_along(index, *layout)
        return put_rows_at(x.reshape(x.size, 1), places, values.reshape(-1, 1)).reshape(x.shape)
    out = x.astype(sum_dtype(x.dtype)) if mode == "sum" and x.dtype != np.bool_ else x.copy()
    if mode == "sum" and x.dtype != np.bool_ and not are_deterministic_algorithms_enabled():
        run, n = add_kernel(values.dtype, out.dtype), index.size
    else:
        combine = OF_BOOLS[mode] if x.dtype == np.bool_ else COMBINE[mode]
        run, n = columns_kernel(out.dtype, combine), index.size // picks
    arrays = (out.buffer, values.buffer, values.offset, index.buffer, index.offset)
    driver.launch_over(n, run, n, *layout, *arrays, driver.fault_flag())
    driver.expect_faults()
    return out.astype(x.dtype, copy=False)


@functools.cache
def add_kernel(dtype: Dtype, total: Dtype) -> Any:
    computed = runtime.dtype_of(total)

    @kernel
    def scatter_add(n, rows, picks, inner, out, values, offset, index, index_offset, fault):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            column, block = i % inner, i // inner // picks
            row = row_of(index[index_offset + i], rows, fault)
            if row >= 0:
                place = (block * rows + row) * inner + column
                cuda.atomic.add(out, place, computed(values[offset + i]))

    return scatter_add


@functools.cache
def columns_kernel(dtype: Dtype, combine: Any) -> Any:
    """One thread for all that comes to a column, in order."""
    stored = runtime.dtype_of(dtype)
    computed = runtime.dtype_of(runtime.computed_in(dtype))

    @kernel
    def scatter_columns(n, rows, picks, inner, out, values, offset, index, index_offset, fault):
        for c in range(cuda.grid(1), n, cuda.gridsize(1)):
            column, block = c % inner, c // inner
            for k in range(picks):
                i = (block * picks + k) * inner + column
                row = row_of(index[index_offset + i], rows, fault)
                if row >= 0:
                    place = (block * rows + row) * inner + column
                    one, other = computed(out[place]), computed(values[offset + i])
                    out[place] = stored(combine(one, other))

    return scatter_columns


def flat_along(index: CudaArray, rows: int, picks: int, inner: int) -> CudaArray:
    """Where each index points in the flat array; -1 after noting a fault."""
    places = empty((index.size,), np.int64)
    arrays = (places.buffer, index.buffer, index.offset, driver.fault_flag())
    driver.launch_over(index.size, places_kernel(), index.size, rows, picks, inner, *arrays)
    driver.expect_faults()
    return places


@functools.cache
def places_kernel() -> Any:
    @kernel
    def places_along(n, rows, picks, inner, places, index, index_offset, fault):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            column, block = i % inner, i // inner // picks
            row = row_of(index[index_offset + i], rows, fault)
            places[i] = (block * rows + row) * inner + column if row >= 0 else -1

    return places_along
