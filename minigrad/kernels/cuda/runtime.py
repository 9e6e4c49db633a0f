"""The names that CUDA kernels are written in, here and in generated text.

On a GPU they are Numba's: `cuda`, the dtypes, functions of `math` (which Numba compiles to
libdevice's).  Under the simulator a kernel is plain Python, whose arithmetic differs: 1 / 0
warns and math.exp(1000) raises.  There the same names stand for NumPy's scalars and functions.
"""

import functools
import math
import sys
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
from numba import cuda as numba_cuda
from numba.core import types
from numba.cuda import libdevice

from minigrad.kernels.cuda import driver
from minigrad.kernels.cuda.kernel_cache import GpuKernelCache
from minigrad.kernels.promotion import computed_in as computed_in

__all__ = [
    "boolean",
    "cuda",
    "device",
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "kernel",
    "math_function",
    "place",
    "uint8",
]

SIMULATED = driver.is_simulator()


class SimulatedShared:
    """Shared memory under the simulator, one array for each line of a kernel that asks for one.

    Numba's looks whether there is one and then makes it: of two threads that come at once, each
    got its own.
    """

    def array(self, shape: Any, dtype: Any) -> Any:
        line = sys._getframe(1)
        made = numba_cuda.shared._allocations  # of this launch
        return made.setdefault((line.f_code, line.f_lineno), np.empty(shape, dtype))


class SimulatedCuda:
    """Numba's `cuda` for kernels under the simulator.

    While a kernel runs, the simulator puts what `cuda.threadIdx` needs into the globals of the
    function that was launched.  Here that is always `run` in `simulated_kernel`, so the globals
    are this module's, and helpers in any module reach them through this object.
    """

    shared = SimulatedShared()

    def __getattr__(self, name: str) -> Any:
        return getattr(numba_cuda, name)


def simulated_kernel(function: Callable[..., Any]) -> Any:
    @functools.wraps(function)
    def run(*arguments: Any) -> None:
        with np.errstate(all="ignore"):  # a GPU has no floating-point warnings
            function(*arguments)

    return numba_cuda.jit(run)


def simulated_device(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def inlined(function: Callable[..., Any]) -> Any:
    """A device function, inlined: a kernel that calls one cannot be compiled without a driver."""
    return numba_cuda.jit(function, device=True, inline="always")


def compiled_kernel(function: Callable[..., Any]) -> Any:
    """A kernel that is compiled when it is first launched, or loaded from the cache folder."""
    dispatcher = numba_cuda.jit(function)
    dispatcher._cache = GpuKernelCache(function)
    return dispatcher


cuda: Any = SimulatedCuda() if SIMULATED else numba_cuda
kernel: Any = simulated_kernel if SIMULATED else compiled_kernel
device: Any = simulated_device if SIMULATED else inlined


# ---------------------------------------------------------------------------------------- dtypes


def dtype_of(dtype: Any) -> Any:
    """What a kernel calls a dtype: a type of Numba's, or of NumPy's under the simulator."""
    dtype = np.dtype(dtype)
    if SIMULATED:
        return dtype.type
    return types.boolean if dtype == np.bool_ else getattr(types, str(dtype))


boolean = dtype_of("bool")
uint8, int8, int16, int32, int64 = map(dtype_of, ("uint8", "int8", "int16", "int32", "int64"))
float16, float32, float64 = map(dtype_of, ("float16", "float32", "float64"))


# -------------------------------------------------------------------------------------- elements


@device
def place(i, shape, offset, steps):
    """Where element `i`, counted in row-major order of `shape`, lies in a buffer.

    offset, steps: in elements.  `shape` has one axis or more; the first needs no division.
    """
    for axis in range(len(shape) - 1, 0, -1):
        offset += i % shape[axis] * steps[axis]
        i //= shape[axis]
    return offset + i * steps[0]


# PTX's own max(nan, 0) is 0; torch's, and so ours, is nan.
@device
def maximum(x, y):
    return x if x > y or x != x else y


@device
def minimum(x, y):
    return x if x < y or x != x else y


@device
def where(condition, x, y):
    return x if condition else y


@device
def absolute(x):
    return abs(x)


@device
def remainder(x, y):
    return x % y


@device
def floor_divide(x, y):
    return x // y


@device
def no(x):
    return False


@device
def yes(x):
    return True


# ------------------------------------------------------------------------------- functions of math

WRITTEN_HERE = {
    "fabs": absolute,
    "floor_divide": floor_divide,
    "maximum": maximum,
    "minimum": minimum,
    "remainder": remainder,
    "where": where,
}
OF_INTEGERS = {"isnan": no, "isinf": no, "isfinite": yes}
# Absent from math, or from that of Python 3.10; libdevice has one for each dtype.
IN_LIBDEVICE = {"cospi", "erfinv", "exp2", "rint", "sinpi"}
NUMPY_NAMES = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "atan2": "arctan2",
    "pow": "power",
}


def math_function(name: str, dtype: Any) -> Any:
    """The function of one element that a formula calls `math.NAME`, for operands of `dtype`."""
    dtype = np.dtype(dtype)
    if name in WRITTEN_HERE:
        return WRITTEN_HERE[name]
    if dtype.kind != "f" and name in OF_INTEGERS:
        return OF_INTEGERS[name]
    if SIMULATED:
        return simulated_function(name)
    if name in IN_LIBDEVICE:
        return getattr(libdevice, name if dtype == np.float64 else f"{name}f")
    return getattr(math, name)


def simulated_function(name: str) -> Any:
    """NumPy's function: math's would raise where a GPU gives inf or nan."""
    if name in SIMULATED_HERE:
        return simulated(SIMULATED_HERE[name])
    return getattr(np, NUMPY_NAMES.get(name, name))


def simulated(function: Callable[[float], float]) -> Callable[[Any], Any]:
    """A function of Python's floats as one of NumPy's scalars, which keeps their type."""
    return lambda x: type(x)(function(float(x)))


def lgamma(x: float) -> float:
    """math.lgamma, and inf at its poles."""
    is_pole = math.isinf(x) or (x <= 0 and x == math.floor(x))
    return math.inf if is_pole else math.lgamma(x)


def erfinv(x: float) -> float:
    """The inverse of erf: the normal distribution's quantile, and a step of Newton's method."""
    if not -1 < x < 1:
        return x * math.inf if abs(x) == 1 else math.nan
    y = NormalDist().inv_cdf((x + 1) / 2) / math.sqrt(2)
    return y - (math.erf(y) - x) * math.sqrt(math.pi) / 2 * math.exp(y * y)


def sinpi(x: float) -> float:
    """sin(pi x), exact where x is a whole number."""
    return math.sin(math.pi * math.remainder(x, 2)) if 2 * x % 2 else 0.0


def cospi(x: float) -> float:
    """cos(pi x), exact where x is half of an odd number."""
    return sinpi(x + 0.5)


SIMULATED_HERE = {
    "cospi": cospi,
    "erf": math.erf,
    "erfc": math.erfc,
    "erfinv": erfinv,
    "lgamma": lgamma,
    "sinpi": sinpi,
}
