"""Norms that leave the mean where it is: rms_norm, and local_response_norm over neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minigrad import kernels
from minigrad.dtypes import check_floats
from minigrad.ops.arguments import typed
from minigrad.ops.joining import cat
from minigrad.ops.normalization import check_rows
from minigrad.ops.pointwise import add, div, floor_divide, mul, pow, rsqrt
from minigrad.ops.reduction import cast, mean
from minigrad.ops.view import narrow
from minigrad.tensor import Tensor, constant

FLOAT32 = np.dtype(np.float32)


@typed
def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """x / sqrt(mean(x^2) + eps) over the last dimensions, times weight (Zhang and Sennrich 2019).
    Without eps it is that of the dtype."""
    row_shape = tuple(normalized_shape)
    array = input.array
    check_rows(row_shape, array, weight, None)
    check_floats("rms_norm", array.dtype)
    computed = np.promote_types(array.dtype, FLOAT32)
    x = input if array.dtype == computed else cast(input, computed)
    axes = tuple(range(array.ndim - len(row_shape), array.ndim))
    epsilon = float(np.finfo(computed).eps) if eps is None else eps
    out: Tensor = mul(x, rsqrt(add(mean(pow(x, 2), axes, True), epsilon)))
    if weight is not None:
        out = mul(out, weight)
    return out if out.array.dtype == array.dtype else cast(out, array.dtype)


@typed
def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha m)^beta, where m is the mean of x^2 over `size` neighbouring channels of
    (N, C, ...), with zeros beyond the first and the last (Krizhevsky et al. 2012)."""
    array = input.array
    if array.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {array.ndim} dimensions)"
        )
    if size < 1:
        raise RuntimeError(f"kernel size should be greater than zero, but got {size}")
    if not array.size:
        return input
    squares = zeros_around(mul(input, input), size // 2, (size - 1) // 2)
    channels = array.shape[1]
    total = narrow(squares, 1, 0, channels)
    for first in range(1, size):
        total = add(total, narrow(squares, 1, first, channels))
    average = div(total, size) if array.dtype.kind == "f" else floor_divide(total, size)
    return div(input, pow(add(mul(average, alpha), k), beta))


def zeros_around(x: Tensor, before: int, after: int) -> Tensor:
    """x with channels of zeros before and after its own."""

    def zeros(count: int) -> Tensor:
        shape = (x.array.shape[0], count, *x.array.shape[2:])
        return constant(kernels.full(shape, 0, x.array.dtype, x.array))

    return cat([zeros(before), x, zeros(after)], 1)
