"""Reductions over any axes: each result by the lanes of a block, long ones by several blocks."""

import functools
from typing import Any

import numpy as np

from minigrad.kernels.codegen import SCALARS
from minigrad.kernels.cuda import blocks, driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty
from minigrad.kernels.cuda.pointwise import merge_axes
from minigrad.kernels.cuda.runtime import cuda, device, kernel, maximum, minimum, place

Axes = tuple[int, ...]
Dtype = np.dtype[Any]
BOOL, INT64 = np.dtype(bool), np.dtype(np.int64)

# Below this many blocks a GPU has idle processors, and long results are split over more.
FEW_BLOCKS = 512
# The least number of elements a lane must have for a split to be worth its second pass.
LANE_WORK = 8


@device
def added(x, y):
    return x + y


@device
def multiplied(x, y):
    return x * y


@device
def either(x, y):
    return x | y


@device
def both(x, y):
    return x & y


def sum(x: CudaArray, axes: Axes, keepdim: bool = False) -> CudaArray:
    """float16 is summed in float32; integers and bools in int64."""
    return reduce(x, axes, keepdim, added, 0, widened(x.dtype))


def nansum(x: CudaArray, axes: Axes, keepdim: bool = False) -> CudaArray:
    """The sum of what is not NaN: zeros take its place."""
    is_nan = SCALARS["isnan"].ufunc(x)
    numbers = SCALARS["where"].ufunc(is_nan, np.zeros((), x.dtype), x)
    return sum(numbers, axes, keepdim)


def prod(x: CudaArray, axes: Axes, keepdim: bool = False) -> CudaArray:
    return reduce(x, axes, keepdim, multiplied, 1, widened(x.dtype))


def amax(x: CudaArray, axes: Axes, keepdim: bool = False) -> CudaArray:
    if x.dtype == BOOL:
        return any(x, axes, keepdim)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return reduce(x, axes, keepdim, maximum, lowest, x.dtype)


def amin(x: CudaArray, axes: Axes, keepdim: bool = False) -> CudaArray:
    if x.dtype == BOOL:
        return all(x, axes, keepdim)
    highest = np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).max
    return reduce(x, axes, keepdim, minimum, highest, x.dtype)


def any(x: CudaArray, axes: Axes, keepdim: bool = False) -> CudaArray:
    return reduce(x, axes, keepdim, either, False, BOOL)


def all(x: CudaArray, axes: Axes, keepdim: bool = False) -> CudaArray:
    return reduce(x, axes, keepdim, both, True, BOOL)


def widened(dtype: Dtype) -> Dtype:
    return dtype if dtype.kind == "f" else INT64


# ------------------------------------------------------------------------ one kernel for them all


def reduce(
    x: CudaArray, axes: Axes, keepdim: bool, combine: Any, start: float, dtype: Dtype
) -> CudaArray:
    """Combine the elements along `axes`, beginning with `start`; the result has `dtype`."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    out = empty([x.shape[axis] for axis in kept], dtype)
    (kept_shape, kept_steps), (shape, steps) = axes_of(x, kept), axes_of(x, axes)
    length = int(np.prod([x.shape[axis] for axis in axes], dtype=np.int64))
    block = blocks.share(length, along=abs(steps[-1]) <= abs(kept_steps[-1]) or out.size == 1)
    width, parts = driver.ceil_div(out.size, block.columns), 1
    if length > block.lanes * LANE_WORK and width < FEW_BLOCKS:
        parts = min(driver.ceil_div(length, block.lanes * LANE_WORK), FEW_BLOCKS // width)
    partial = runtime.computed_in(dtype)
    target = out if parts == 1 else empty((parts, out.size), partial)
    if out.size:
        run = reduction_kernel(combine, start, x.dtype, partial, target.dtype, block.threads)
        places = (x.offset, kept_shape, kept_steps, shape, steps, out.size, length)
        driver.launch(
            run, (width, parts), block.threads, target.buffer, x.buffer, *places, *block[1:]
        )
    if parts > 1:
        out = reduce(target, (0,), False, combine, start, dtype).reshape(out.shape)
    return with_ones(out, x, axes) if keepdim else out


def with_ones(out: CudaArray, x: CudaArray, axes: Axes) -> CudaArray:
    """A reduction of `x` with a 1 for every axis that was reduced."""
    return out.reshape([1 if axis in axes else n for axis, n in enumerate(x.shape)])


def axes_of(x: CudaArray, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape and steps of some of the axes of an array, merged where they lie in order."""
    shape, steps = merge_axes(tuple(x.shape[a] for a in axes), [tuple(x.steps[a] for a in axes)])
    return shape, steps[0]


@functools.cache
def reduction_kernel(
    combine: Any, start: float, source: Dtype, partial: Dtype, target: Dtype, threads: int
) -> Any:
    """Block (i, j) combines part j of `columns` results from the i-th on."""
    computed, stored = runtime.dtype_of(partial), runtime.dtype_of(target)
    element = runtime.dtype_of(runtime.computed_in(source))
    combine_lanes = blocks.tree(combine)

    @kernel
    def reduction(
        out, x, offset, kept_shape, kept_steps, shape, steps, size, length,
        lanes, columns, lane_step, column_step,
    ):  # fmt: skip
        shared = cuda.shared.array(threads, computed)
        thread = cuda.threadIdx.x
        lane, column = thread // lane_step % lanes, thread // column_step % columns
        result = cuda.blockIdx.x * columns + column
        part, parts = cuda.blockIdx.y, cuda.gridDim.y
        total = computed(start)
        if result < size:
            first = place(result, kept_shape, offset, kept_steps)
            for i in range(part * lanes + lane, length, parts * lanes):
                value = element(x[place(i, shape, first, steps)])
                total = combine(total, computed(value))
        shared[thread] = total
        combine_lanes(shared, thread, lane, lanes, lane_step)
        if lane == 0 and result < size:
            out[part * size + result] = stored(shared[thread])

    return reduction


# ---------------------------------------------------------------------------------- argmax, argmin


def argmax(x: CudaArray, axis: int, keepdim: bool = False) -> CudaArray:
    """The index of the largest element, the first of equals; nan counts as the largest."""
    return best_index(x, axis, keepdim, greater)


def argmin(x: CudaArray, axis: int, keepdim: bool = False) -> CudaArray:
    return best_index(x, axis, keepdim, less)


@device
def greater(x, y):
    return x > y


@device
def less(x, y):
    return x < y


def best_index(x: CudaArray, axis: int, keepdim: bool, better: Any) -> CudaArray:
    kept = [other for other in range(x.ndim) if other != axis]
    out = empty([x.shape[other] for other in kept], INT64)
    kept_shape, kept_steps = axes_of(x, kept)
    length, step = x.shape[axis], x.steps[axis]
    block = blocks.share(length, along=abs(step) <= abs(kept_steps[-1]) or out.size == 1)
    if out.size:
        run = best_index_kernel(better, x.dtype, block.threads)
        width = driver.ceil_div(out.size, block.columns)
        places = (x.offset, kept_shape, kept_steps, step, out.size, length)
        driver.launch(run, width, block.threads, out.buffer, x.buffer, *places, *block[1:])
    return with_ones(out, x, (axis,)) if keepdim else out


@functools.cache
def replacement(better: Any) -> Any:
    """A device function that says which of two elements, with their indices, is to be kept."""

    @device
    def replaces(value, index, best, best_index):
        """Whether a candidate beats the best so far; an index of -1 means none yet."""
        if index < 0 or best_index < 0:
            return best_index < index
        if value != value or best != best:
            return value != value and (best == best or index < best_index)
        return better(value, best) or (value == best and index < best_index)

    return replaces


@functools.cache
def best_index_kernel(better: Any, dtype: Dtype, threads: int) -> Any:
    element = runtime.dtype_of(runtime.computed_in(dtype))
    replaces = replacement(better)

    @kernel
    def best_index(
        out, x, offset, kept_shape, kept_steps, step, size, length,
        lanes, columns, lane_step, column_step,
    ):  # fmt: skip
        values = cuda.shared.array(threads, element)
        indices = cuda.shared.array(threads, runtime.int64)
        thread = cuda.threadIdx.x
        lane, column = thread // lane_step % lanes, thread // column_step % columns
        result = cuda.blockIdx.x * columns + column
        indices[thread] = -1
        if result < size:
            first = place(result, kept_shape, offset, kept_steps)
            for i in range(lane, length, lanes):
                value = element(x[first + i * step])
                if replaces(value, i, values[thread], indices[thread]):
                    values[thread], indices[thread] = value, i
        half = lanes // 2
        while half > 0:
            cuda.syncthreads()
            if lane < half:
                other = thread + half * lane_step
                if replaces(values[other], indices[other], values[thread], indices[thread]):
                    values[thread], indices[thread] = values[other], indices[other]
            half //= 2
        if lane == 0 and result < size:
            out[result] = indices[thread]

    return best_index
