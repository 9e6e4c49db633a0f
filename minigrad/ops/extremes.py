"""Largest and smallest elements, and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels, return_types
from minigrad.node import Edge, Node
from minigrad.ops.arguments import ALL, Dims
from minigrad.ops.chosen import ChoiceNode
from minigrad.ops.either import Either
from minigrad.ops.pointwise import add, div, eq, logical_or, maximum, minimum, ne, where
from minigrad.ops.reduction import ReductionNode, sum
from minigrad.ops.spelling import numpy_names
from minigrad.ops.view import unsqueeze_axes
from minigrad.saved import saved_values
from minigrad.shapes import axes_of, axis_of
from minigrad.tensor import TENSORS, Tensor, constant, record, record_several

Array = Any


# ------------------------------------------------------------------------------------ their values


class ExtremeBackward(ReductionNode):
    """Equal extremes share the gradient."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        x, result = saved_values(self, grad)
        return (self.shared(grad, x, result),)

    def shared(self, grad: Either, x: Either, result: Either) -> Either:
        """The gradient, shared by all elements that equal the result."""
        if not self.keepdim:
            grad, result = unsqueeze_axes(grad, self.axes), unsqueeze_axes(result, self.axes)
        chosen = self.chosen(x, result)
        return div(where(chosen, grad, 0), sum(chosen, self.axes, True))

    def chosen(self, x: Either, result: Either) -> Either:
        return eq(x, result)  # beside NaN none is, and the gradient is 0 / 0, in torch, too


class FullExtremeBackward(ExtremeBackward):
    """Several NaN share the gradient."""

    __slots__ = ()

    def chosen(self, x: Either, result: Either) -> Either:
        return logical_or(eq(x, result), ne(x, x))


class AmaxBackward0(ExtremeBackward):
    __slots__ = ()


class AminBackward0(ExtremeBackward):
    __slots__ = ()


class MaxBackward1(FullExtremeBackward):
    __slots__ = ()


class MinBackward1(FullExtremeBackward):
    __slots__ = ()


class AminmaxBackward0(ExtremeBackward):
    __slots__ = ()
    saved_names = ("self", "min", "max")
    outputs = 2
    plain = False

    def vjp(self, grads: Sequence[Either]) -> Any:
        like = grads[1] if grads[0] is None else grads[0]
        x, *results = saved_values(self, like)
        pairs = zip(grads, results, strict=True)
        shares = [self.shared(grad, x, result) for grad, result in pairs if grad is not None]
        return (shares[0] if len(shares) == 1 else add(*shares),)

    def saved_edges(self) -> Sequence[Edge]:
        return *self.next_functions, (self, 0), (self, 1)


def extreme(name: str, node: type[Node], kernel: Any, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    array = x.array
    axes = axes_of(dim, array.ndim)
    if not array.size and (dim is None or dim == ()):
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
            "Specify the reduction dim with the 'dim' argument."
        )
    check_not_empty(name, array.shape, axes)
    result = kernel(array, axes, keepdim)
    details = {"axes": axes, "input_shape": array.shape, "keepdim": keepdim}
    return record(node, result, (x,), (array, result), **details)


def check_not_empty(name: str, shape: Sequence[int], axes: Sequence[int]) -> None:
    """IndexError where a dimension to be reduced has no element."""
    for axis in axes:
        if not shape[axis]:
            raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")


@numpy_names
def amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The largest element over `dim`; equal ones share the gradient."""
    return extreme("amax", AmaxBackward0, kernels.amax, input, dim, keepdim)


@numpy_names
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The smallest element over `dim`; equal ones share the gradient."""
    return extreme("amin", AminBackward0, kernels.amin, input, dim, keepdim)


@numpy_names
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """(min, max) of all elements or over one dimension; equal ones share the gradient."""
    x = input.array
    if dim is None and not x.size:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity."
        )
    axes = axes_of(dim, x.ndim)
    check_not_empty("aminmax", x.shape, axes)
    results = kernels.amin(x, axes, keepdim), kernels.amax(x, axes, keepdim)
    details = {"axes": axes, "input_shape": x.shape, "keepdim": keepdim}
    made = record_several(AminmaxBackward0, results, (input,), (x, *results), **details)
    return return_types.aminmax(*made)


# -------------------------------------------------------------------------------- and their places


class MaxBackward0(ChoiceNode):
    __slots__ = ()


class MinBackward0(ChoiceNode):
    __slots__ = ()


def chosen_along(
    name: str, node: type[Node], find: Any, value: Any, x: Tensor, dim: Any, keepdim: bool
) -> tuple[Tensor, Tensor]:
    """The extreme along one dimension and its place."""
    array = x.array
    axis = axis_of(dim, array.ndim)
    axes = (axis,) if array.ndim else ()
    check_not_empty(name, array.shape, axes)
    indices = (
        find(array, axis, keepdim) if array.ndim else kernels.full((), 0, np.dtype(np.int64), array)
    )
    details = {"axis": axis, "input_shape": array.shape, "keepdim": keepdim}
    values = record(node, value(array, axes, keepdim), (x,), (indices,), **details)
    return values, constant(indices)


@numpy_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The place of the largest element along `dim` (of all, when None); the first of equals."""
    return place(kernels.argmax, input, dim, keepdim)


@numpy_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The place of the smallest element along `dim` (of all, when None); the first of equals."""
    return place(kernels.argmin, input, dim, keepdim)


def place(find: Any, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    array, name = x.array, find.__name__
    if array.dtype.kind == "b":
        raise RuntimeError(f"{name}(): does not support bool input")
    if dim is None and not array.size:
        raise IndexError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0."
        )
    if dim is None or not array.ndim:
        axis_of(dim or 0, array.ndim)
        indices = find(array.reshape(-1), 0, False)
        return constant(indices.reshape((1,) * array.ndim) if keepdim else indices)
    axis = axis_of(dim, array.ndim)
    check_not_empty(name, array.shape, (axis,))
    return constant(find(array, axis, keepdim))


# ------------------------------------------------------------------------------------- max and min


def check_no_dim(name: str, dim: Any, keepdim: Any) -> None:
    """TypeError for a dimension beside two tensors, of which there is no other to leave out."""
    if dim is not None or keepdim is not False:
        raise TypeError(
            f"{name}() received an invalid combination of arguments: of two tensors it takes "
            "neither dim nor keepdim"
        )


@numpy_names
def max(
    input: Tensor, dim: int | Tensor = ALL, keepdim: bool = False, *, other: Tensor | None = None
) -> Any:
    """max(x): the largest element.  max(x, dim): (values, indices).  max(x, y): maximum(x, y)."""
    if other is not None or type(dim) in TENSORS:
        check_no_dim("max", dim if other is not None else None, keepdim)
        return maximum(input, dim if other is None else other)
    if dim is None:
        return extreme("max", MaxBackward1, kernels.amax, input, None, False)
    kinds = MaxBackward0, kernels.argmax, kernels.amax
    return return_types.max(*chosen_along("max", *kinds, input, dim, keepdim))


@numpy_names
def min(
    input: Tensor, dim: int | Tensor = ALL, keepdim: bool = False, *, other: Tensor | None = None
) -> Any:
    """min(x): the smallest element.  min(x, dim): (values, indices).  min(x, y): minimum(x, y)."""
    if other is not None or type(dim) in TENSORS:
        check_no_dim("min", dim if other is not None else None, keepdim)
        return minimum(input, dim if other is None else other)
    if dim is None:
        return extreme("min", MinBackward1, kernels.amin, input, None, False)
    kinds = MinBackward0, kernels.argmin, kernels.amin
    return return_types.min(*chosen_along("min", *kinds, input, dim, keepdim))
