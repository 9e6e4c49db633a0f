"""Quantiles: elements by their rank, and what lies between two of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.ops.gather import gather_at
from minigrad.ops.pointwise import ceil, clamp, floor, isnan, lerp, logical_not, mul, round, sub
from minigrad.ops.pointwise import where as chosen
from minigrad.ops.reduction import any, sum
from minigrad.ops.sorting import SortBackward0, sorted_along
from minigrad.ops.spelling import numpy_names
from minigrad.ops.view import movedim, reshape, unsqueeze
from minigrad.shapes import axis_of
from minigrad.tensor import TENSORS, Tensor, constant

# What becomes of a rank that is no whole number.
ROUNDED = {"lower": floor, "higher": ceil, "nearest": round}
BETWEEN = ("linear", "midpoint")


@numpy_names
def quantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """What a share q of the elements lies below, of all or along a dimension; NaN where an element
    is.  A vector q gives as many results along a new first dimension."""
    return by_rank("quantile", input, q, dim, keepdim, interpolation)


@numpy_names
def nanquantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """quantile of what is not NaN."""
    return by_rank("nanquantile", input, q, dim, keepdim, interpolation)


def by_rank(
    name: str, x: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str
) -> Tensor:
    kernels.check_on_cpu(name, x.array)
    share = checked_share(name, x, q)
    if interpolation not in ROUNDED and interpolation not in BETWEEN:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    ndim = x.array.ndim
    axis = None if dim is None else axis_of(dim, ndim)
    axis = axis if ndim else None
    rows = reshape(x, (-1,)) if axis is None else movedim(x, axis, -1)
    ordered, _ = sorted_along(SortBackward0, rows, -1, False)
    ranks = ranks_of(ordered.detach(), reshape(share, (-1,)), name == "nanquantile")
    found = at_ranks(ordered, ranks, interpolation)
    return arranged(found, ndim, axis, share.array.ndim > 0, keepdim)


def checked_share(name: str, x: Tensor, q: Any) -> Tensor:
    """q as a tensor of x's dtype."""
    if x.array.dtype not in (np.float32, np.float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if type(q) not in TENSORS:
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        q = constant(np.array(q, x.array.dtype))
    kernels.check_one_device((x.array, q.array))
    if q.array.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if q.array.dtype != x.array.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    values = kernels.physical(q.array)
    if not ((values >= 0) & (values <= 1)).all():
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    if not x.array.size:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    return q


def ranks_of(ordered: Tensor, share: Tensor, ignore_nan: bool) -> Tensor:
    """(..., Q): the place of each quantile in the rows of `ordered`, where NaN comes last."""
    last = ordered.array.shape[-1] - 1
    if ignore_nan:
        count = sum(logical_not(isnan(ordered)), -1, True)
        return mul(share, clamp(sub(count, 1), min=0))
    return chosen(any(isnan(ordered), -1, True), float(last), mul(share, last))


def at_ranks(ordered: Tensor, ranks: Tensor, interpolation: str) -> Tensor:
    """(..., Q): the elements at these ranks, or between the ranks below and above."""
    if interpolation in ROUNDED:
        return at_places(ordered, ROUNDED[interpolation](ranks))
    weight = 0.5 if interpolation == "midpoint" else sub(ranks, floor(ranks))
    below, above = (at_places(ordered, rounded(ranks)) for rounded in (floor, ceil))
    return lerp(below, above, weight)


def at_places(ordered: Tensor, places: Tensor) -> Tensor:
    return gather_at(ordered, ordered.array.ndim - 1, places.array.astype(np.int64))


def arranged(found: Tensor, ndim: int, axis: int | None, several: bool, keepdim: bool) -> Tensor:
    """(..., Q) in the shape of the result: Q first, if there are several."""
    if axis is None and keepdim:
        found = reshape(found, (*(1,) * ndim, -1))
    elif keepdim and axis is not None:
        found = unsqueeze(found, axis)
    return movedim(found, -1, 0) if several else reshape(found, found.array.shape[:-1])
