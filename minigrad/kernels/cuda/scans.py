"""Scans along an axis: one block a row, tile after tile, each thread with a few neighbours.

In a tile every thread combines its own elements; the threads' totals are combined in log2(threads)
steps in shared memory; then each thread goes over its elements again, from the total before them.
"""

import functools
from typing import Any

import numpy as np

from minigrad.kernels.cuda import driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty
from minigrad.kernels.cuda.pointwise import merge_axes
from minigrad.kernels.cuda.reductions import added, multiplied, widened
from minigrad.kernels.cuda.rows import without
from minigrad.kernels.cuda.runtime import cuda, device, kernel, maximum, minimum, place

Dtype = np.dtype[Any]
ITEMS = 4  # elements of a thread in a tile


def cumsum(x: CudaArray, axis: int, from_end: bool) -> CudaArray:
    """float16 is summed in float32; integers and bools in int64."""
    return scan(x, axis, added, 0, from_end)


def cumprod(x: CudaArray, axis: int) -> CudaArray:
    return scan(x, axis, multiplied, 1, False)


def logcumsumexp(x: CudaArray, axis: int) -> CudaArray:
    return scan(x, axis, log_of_sum(x.dtype), -np.inf, False)


@functools.cache
def log_of_sum(dtype: Dtype) -> Any:
    """The device function log(exp(x) + exp(y))."""
    exp, log1p = (runtime.math_function(name, dtype) for name in ("exp", "log1p"))
    zero = runtime.dtype_of(runtime.computed_in(dtype))(0)

    @device
    def combine(x, y):
        high, low = maximum(x, y), minimum(x, y)
        if low == high:  # both may be infinite
            return high + log1p(exp(zero))
        return high + log1p(exp(low - high))

    return combine


def scan(x: CudaArray, axis: int, combine: Any, start: float, from_end: bool) -> CudaArray:
    """Combine the elements up to each one along `axis`, beginning with `start`."""
    dtype = widened(x.dtype)
    out = empty(x.shape, dtype)
    if out.size:
        size, length, threads, places = rows_of(out, (x,), axis)
        run = scan_kernel(combine, start, x.dtype, dtype, threads, from_end)
        driver.launch(run, size, threads, length, *places)
    return out


def rows_of(out: CudaArray, arrays: Any, axis: int) -> tuple[int, int, int, list[Any]]:
    """(rows, their length, threads for each, where the rows of all arrays lie)."""
    every, length = (out, *arrays), out.shape[axis]
    shape, steps = merge_axes(without(out.shape, axis), [without(x.steps, axis) for x in every])
    places: list[Any] = [shape]
    for x, row_steps in zip(every, steps, strict=True):
        places += [x.buffer, x.offset, row_steps, x.steps[axis]]
    threads = min(driver.power_of_two(driver.ceil_div(length, ITEMS)), driver.block_threads())
    return out.size // length, length, threads, places


@functools.cache
def scan_kernel(
    combine: Any, start: float, source: Dtype, target: Dtype, threads: int, from_end: bool
) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(target)), runtime.dtype_of(target)
    element = runtime.dtype_of(runtime.computed_in(source))

    @kernel
    def scan(length, shape, out, out_offset, out_steps, out_step, x, x_offset, x_steps, x_step):
        shared = cuda.shared.array(threads, computed)
        thread, row = cuda.threadIdx.x, cuda.blockIdx.x
        first = place(row, shape, x_offset, x_steps)
        target = place(row, shape, out_offset, out_steps)
        if from_end:
            first, target = first + (length - 1) * x_step, target + (length - 1) * out_step
            x_step, out_step = -x_step, -out_step
        carried = computed(start)
        for tile in range(0, length, threads * ITEMS):
            begin = tile + thread * ITEMS
            end = min(begin + ITEMS, length)
            total = computed(start)
            for k in range(begin, end):
                total = combine(total, computed(element(x[first + k * x_step])))
            shared[thread] = total
            reach = 1
            while reach < threads:
                cuda.syncthreads()
                if thread >= reach:
                    total = combine(shared[thread - reach], total)
                cuda.syncthreads()
                shared[thread] = total
                reach *= 2
            cuda.syncthreads()
            total = combine(carried, shared[thread - 1]) if thread > 0 else carried
            carried = combine(carried, shared[threads - 1])
            cuda.syncthreads()
            for k in range(begin, end):
                total = combine(total, computed(element(x[first + k * x_step])))
                out[target + k * out_step] = stored(total)

    return scan


# ------------------------------------------------------------------------------------- recurrence


def recurrence(x: CudaArray, factor: CudaArray, axis: int, from_end: bool) -> CudaArray:
    """out[k] = x[k] + factor[k] * out[k - 1] along an axis (out[k + 1], with from_end).

    A run of steps is y -> slope y + shift, and so are two runs one after the other.
    """
    out = empty(x.shape, x.dtype)
    if out.size:
        size, length, threads, places = rows_of(out, (x, factor), axis)
        run = recurrence_kernel(x.dtype, threads, from_end)
        driver.launch(run, size, threads, length, *places)
    return out


@device
def join_runs(slopes, shifts, thread, threads):
    """Each thread's run of steps, y -> slope y + shift, after those of all threads before it."""
    slope, shift = slopes[thread], shifts[thread]
    reach = 1
    while reach < threads:
        cuda.syncthreads()
        if thread >= reach:
            shift = slope * shifts[thread - reach] + shift
            slope = slope * slopes[thread - reach]
        cuda.syncthreads()
        slopes[thread], shifts[thread] = slope, shift
        reach *= 2
    cuda.syncthreads()


@functools.cache
def recurrence_kernel(dtype: Dtype, threads: int, from_end: bool) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)

    @kernel
    def recurrence(
        length, shape, out, out_offset, out_steps, out_step,
        x, x_offset, x_steps, x_step, factor, factor_offset, factor_steps, factor_step,
    ):  # fmt: skip
        slopes = cuda.shared.array(threads, computed)
        shifts = cuda.shared.array(threads, computed)
        thread, row = cuda.threadIdx.x, cuda.blockIdx.x
        first = place(row, shape, x_offset, x_steps)
        target = place(row, shape, out_offset, out_steps)
        scale = place(row, shape, factor_offset, factor_steps)
        if from_end:
            first, target = first + (length - 1) * x_step, target + (length - 1) * out_step
            scale = scale + (length - 1) * factor_step
            x_step, out_step, factor_step = -x_step, -out_step, -factor_step
        carried = computed(0)
        for tile in range(0, length, threads * ITEMS):
            begin = tile + thread * ITEMS
            end = min(begin + ITEMS, length)
            slope, shift = computed(1), computed(0)
            for k in range(begin, end):
                a = computed(factor[scale + k * factor_step]) if k > 0 else computed(0)
                slope, shift = a * slope, a * shift + computed(x[first + k * x_step])
            slopes[thread], shifts[thread] = slope, shift
            join_runs(slopes, shifts, thread, threads)
            total = carried
            if thread > 0:
                total = slopes[thread - 1] * carried + shifts[thread - 1]
            carried = slopes[threads - 1] * carried + shifts[threads - 1]
            cuda.syncthreads()
            for k in range(begin, end):
                a = computed(factor[scale + k * factor_step]) if k > 0 else computed(0)
                total = a * total + computed(x[first + k * x_step])
                out[target + k * out_step] = stored(total)

    return recurrence
