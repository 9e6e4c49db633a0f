"""A copy of a tensor with the part that a view would show replaced."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

from minigrad import kernels
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.diagonals import diagonal
from minigrad.ops.either import Either
from minigrad.ops.joining import getitem_of
from minigrad.ops.shared_memory import new_zeros, put
from minigrad.shapes import axis_of
from minigrad.tensor import Tensor, record

Array = Any


class ViewScatterNode(Node):
    """Of (input, src)."""

    __slots__ = ("replay",)
    replay: Callable[[Either], Either]

    def vjp(self, grad: Either) -> Any:
        return put(grad, new_zeros(grad, ()), self.replay), self.replay(grad)


class SliceScatterBackward0(ViewScatterNode):
    __slots__ = ()


class SelectScatterBackward0(ViewScatterNode):
    __slots__ = ()


class DiagonalScatterBackward0(ViewScatterNode):
    __slots__ = ()


def scattered(
    input: Tensor, src: Tensor, replay: Callable[[Either], Either], node_type: type[Node]
) -> Tensor:
    """input with `src` where replay(input) shows a part of it."""
    x, values = input.array, src.array
    kernels.check_one_device((x, values))
    shown = replay(x).shape
    if values.shape != shown:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. "
            f"src size = {list(values.shape)}, slice size = {list(shown)}"
        )
    converted = values if values.dtype == x.dtype else kernels.converted(values, x.dtype)
    return record(node_type, put(x, converted, replay), (input, src), replay=replay)


@typed
def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """input with `src` in place of input[start:end:step] along a dimension."""
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    axis = axis_of(dim, input.array.ndim)
    key = (*[slice(None)] * axis, slice(start, end, step), ...)
    return scattered(input, src, partial(getitem_of, key), SliceScatterBackward0)


@typed
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """input with `src` at one place of a dimension."""
    shape = input.array.shape
    axis = axis_of(dim, len(shape))
    n = shape[axis]
    if not -n <= operator.index(index) < n:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(shape)} at dimension "
            f"{axis}"
        )
    key = (*[slice(None)] * axis, int(index), ...)
    return scattered(input, src, partial(getitem_of, key), SelectScatterBackward0)


@typed
def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """input with `src` in place of a diagonal."""
    replay = partial(diagonal, offset=offset, dim1=dim1, dim2=dim2)
    return scattered(input, src, replay, DiagonalScatterBackward0)
