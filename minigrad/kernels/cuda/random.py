"""Random numbers on a GPU: the numbers that the CPU draws, as the formulas are the same."""

import functools
import math
from typing import Any

import numpy as np
from numba.cuda import libdevice

from minigrad.kernels import philox
from minigrad.kernels.cuda import driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty
from minigrad.kernels.cuda.runtime import cuda, device, kernel, where

Dtype = np.dtype[Any]


# Under the simulator libdevice has no values: NumPy's scalars do the same.
@device
def simulated_fma(x, y, z):
    return np.float32(np.float64(x) * np.float64(y) + np.float64(z))


@device
def simulated_fma_64(x, y, z):
    return x * y + z


@device
def simulated_bits(x):
    return x.view(np.int32 if x.dtype == np.float32 else np.int64)


@device
def simulated_float(i):
    return i.view(np.float32 if i.dtype == np.int32 else np.float64)


def target(width: int) -> philox.Target:
    """What the formulas need, for floats of 32 or 64 bits."""
    if runtime.SIMULATED:
        fma = simulated_fma if width == 32 else simulated_fma_64
        return philox.Target(device, fma, np.sqrt, simulated_bits, simulated_float, where)
    if width == 32:
        bits, back = libdevice.float_as_int, libdevice.int_as_float
        return philox.Target(device, libdevice.fmaf, math.sqrt, bits, back, where)
    bits, back = libdevice.double_as_longlong, libdevice.longlong_as_double
    return philox.Target(device, libdevice.fma, math.sqrt, bits, back, where)


@functools.cache
def filling(distribution: str, dtype: Dtype) -> Any:
    """The kernel that fills a flat buffer; a thread has four elements a turn."""
    width = 64 if distribution.endswith("64") else 32
    formula = philox.DISTRIBUTIONS[distribution](target(width))
    step, u64 = np.uint64(philox.blocks_in_group(distribution)), np.uint64
    stored = runtime.dtype_of(dtype)

    @kernel
    def fill(n, groups, out, seed, offset, a, b):
        for i in range(cuda.grid(1), groups, cuda.gridsize(1)):
            x0, x1, x2, x3 = formula(seed, offset + step * u64(i), a, b)
            first = 4 * i
            out[first] = stored(x0)
            if first + 1 < n:
                out[first + 1] = stored(x1)
            if first + 2 < n:
                out[first + 2] = stored(x2)
            if first + 3 < n:
                out[first + 3] = stored(x3)

    return fill


def fill_random(out: CudaArray, distribution: str, seed: int, offset: int, a: Any, b: Any) -> None:
    """Fill a new array from block `offset` on, with the two parameters of the distribution."""
    groups = driver.ceil_div(out.size, 4)
    arguments = out.buffer, np.uint64(seed), np.uint64(offset), a, b
    driver.launch_over(groups, filling(distribution, out.dtype), out.size, groups, *arguments)


def dropout(x: CudaArray, seed: int, offset: int, keep: float, scale: float) -> CudaArray:
    """x scaled where the uniform number of an element is below `keep`, and 0 elsewhere."""
    source, out, computed = x.contiguous(), empty(x.shape, x.dtype), runtime.computed_in(x.dtype)
    groups = driver.ceil_div(x.size, 4)
    numbers = np.uint64(seed), np.uint64(offset), np.float32(keep), computed.type(scale)
    places = out.buffer, source.buffer, source.offset
    driver.launch_over(groups, dropout_kernel(x.dtype), x.size, groups, *places, *numbers)
    return out


@functools.cache
def dropout_kernel(dtype: Dtype) -> Any:
    formula = philox.uniform_32(target(32))
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)
    u64, zero, one = np.uint64, np.float32(0), np.float32(1)

    @kernel
    def drop(n, groups, out, x, x_offset, seed, offset, keep, scale):
        for i in range(cuda.grid(1), groups, cuda.gridsize(1)):
            u0, u1, u2, u3 = formula(seed, offset + u64(i), zero, one)
            j = 4 * i
            k = x_offset + j
            out[j] = stored(computed(x[k]) * (scale if u0 < keep else computed(0)))
            if j + 1 < n:
                out[j + 1] = stored(computed(x[k + 1]) * (scale if u1 < keep else computed(0)))
            if j + 2 < n:
                out[j + 2] = stored(computed(x[k + 2]) * (scale if u2 < keep else computed(0)))
            if j + 3 < n:
                out[j + 3] = stored(computed(x[k + 3]) * (scale if u3 < keep else computed(0)))

    return drop
