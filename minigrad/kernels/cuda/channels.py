"""Channels normalised on a GPU: sums over (N, C, S), and formulas that broadcast (C,) over it."""

from typing import Any

import numpy as np

from minigrad.kernels.codegen import SCALARS
from minigrad.kernels.cuda import runtime
from minigrad.kernels.cuda.array import CudaArray
from minigrad.kernels.cuda.reductions import sum as sum_over

AXES = (0, 2)


def formula(name: str, x: Any, y: Any) -> CudaArray:
    """A pointwise operation by its name."""
    result: CudaArray = SCALARS[name].ufunc(x, y)
    return result


def computed(x: CudaArray) -> CudaArray:
    return x.astype(runtime.computed_in(x.dtype), copy=False)


def along(values: CudaArray, like: CudaArray) -> CudaArray:
    """(C,) as (1, C, 1), in the dtype of `like`."""
    return values.astype(like.dtype, copy=False).reshape(1, -1, 1)


def number(value: float, like: CudaArray) -> np.ndarray:
    return np.array(value, like.dtype)


def channel_statistics(x: CudaArray) -> tuple[CudaArray, CudaArray]:
    """(mean (C,), variance (C,)) of x (N, C, S), in the dtype that is computed in."""
    source = computed(x)
    count = number(max(x.shape[0] * x.shape[2], 1), source)
    mean = formula("div", sum_over(source, AXES, False), count)
    centred = formula("sub", source, along(mean, source))
    squares = formula("mul", centred, centred)
    return mean, formula("div", sum_over(squares, AXES, False), count)


def normalise_channels(
    x: CudaArray, mean: CudaArray, scale: CudaArray, shift: CudaArray
) -> CudaArray:
    """(x - mean) scale + shift, for x (N, C, S) and (C,)."""
    source = computed(x)
    center, factor, bias = (along(v, source) for v in (mean, scale, shift))
    scaled = formula("mul", formula("sub", source, center), factor)
    return formula("add", scaled, bias).astype(x.dtype, copy=False)


def channel_sums(grad: CudaArray, x: CudaArray, mean: CudaArray) -> tuple[CudaArray, CudaArray]:
    """Sums of grad and of grad (x - mean) over the channels of (N, C, S), each (C,)."""
    grads, source = computed(grad), computed(x)
    centred = formula("sub", source, along(mean, source))
    products = formula("mul", grads, centred)
    return sum_over(grads, AXES, False), sum_over(products, AXES, False)


def channel_gradient(
    grad: CudaArray,
    x: CudaArray,
    mean: CudaArray,
    scale: CudaArray,
    shift: CudaArray,
    slope: CudaArray,
) -> CudaArray:
    """scale grad - shift - slope (x - mean), for (N, C, S) and (C,)."""
    grads, source = computed(grad), computed(x)
    center, factor, bias, steep = (along(v, source) for v in (mean, scale, shift, slope))
    tilted = formula("mul", steep, formula("sub", source, center))
    level = formula("sub", formula("mul", factor, grads), bias)
    return formula("sub", level, tilted).astype(x.dtype, copy=False)
