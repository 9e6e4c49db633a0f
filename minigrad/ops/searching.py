"""Where values belong among sorted ones: searchsorted and bucketize."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.kernels.promotion import promote
from minigrad.ops.arguments import typed
from minigrad.ops.define import NUMBERS, as_tensor
from minigrad.ops.rows import is_within
from minigrad.tensor import TENSORS, Tensor, unrecorded

Array = Any


@typed
def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where each value belongs in the sorted last dimension: the number of elements below it
    (side "left"), or not above it (side "right", or right=True).

    sorter: the order that sorts the sequence, as argsort gives it.
    """
    right = side_is_right(side, right)
    rows = sorted_sequence.array
    values = input if type(input) in TENSORS else number(input, rows)
    found = values.array
    check_rows_of(rows, found)
    order = None if sorter is None else order_of(sorter, rows)
    kernels.check_one_device([x for x in (rows, found, order) if x is not None])
    dtype = promote(rows.dtype, found.dtype)
    wide = dtype if dtype.kind == "f" or dtype == np.int64 else np.dtype(np.int64)
    given = [x.astype(wide, copy=False) for x in (rows, found)]
    result = kernels.searchsorted(*given, order, right)
    return unrecorded(result.astype(np.int32) if out_int32 else result)


def side_is_right(side: str | None, right: bool) -> bool:
    if side not in (None, "left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left "
            "while right was True"
        )
    return right or side == "right"


def number(value: Any, like: Array) -> Tensor:
    """A Python number where the sorted sequence is."""
    if type(value) not in NUMBERS:
        raise TypeError(
            f"searchsorted(): argument 'input' must be Tensor or Number, not {type(value).__name__}"
        )
    array = as_tensor(value, like.dtype).array
    return unrecorded(kernels.to_device_of(np.array(array), like))


def check_rows_of(rows: Array, values: Array) -> None:
    if not rows.ndim:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 "
            "dimension"
        )
    if rows.ndim == 1:
        return
    if not values.ndim:
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor "
            f"dimension is 1, but we got boundaries tensor dim({rows.ndim}) and input value's "
            f"dim(0) numel({values.size})"
        )
    if rows.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
            "dimensions of boundaries tensor and input value tensor must match, but we got "
            f"boundaries tensor {list(rows.shape)} and input value tensor {list(values.shape)}"
        )


def order_of(sorter: Tensor, rows: Array) -> Array:
    """The sorter's array, checked: a place of each row for every one of its elements."""
    order = sorter.array
    if order.shape != rows.shape:
        raise RuntimeError(
            "torch.searchsorted(): boundary and sorter must have the same size, but got boundary "
            f"tensor {list(rows.shape)}and got sorter tensor {list(order.shape)}"
        )
    if order.dtype != np.int64:
        raise RuntimeError(
            "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype "
            f"{type_name(order.dtype)}"
        )
    if order.size and not is_within(order, rows.shape[-1]):
        raise RuntimeError("torch.searchsorted(): sorter index out of range")
    return order


@typed
def bucketize(
    input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """The number of the bucket between sorted boundaries that each value falls in."""
    if boundaries.array.ndim != 1:
        raise RuntimeError(
            f"boundaries tensor must be 1 dimension, but got dim({boundaries.array.ndim})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
