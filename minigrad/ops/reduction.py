"""Reductions: sums, products and extremes over any dimensions, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad import dtypes, kernels
from minigrad.node import Node
from minigrad.ops.joining import cat
from minigrad.ops.pointwise import (
    add,
    div,
    eq,
    exp,
    isinf,
    log,
    logical_or,
    maximum,
    minimum,
    mul,
    ne,
    sqrt,
    sub,
    where,
)
from minigrad.ops.view import expand, narrow, reshape, unsqueeze_axes
from minigrad.saved import saved_values
from minigrad.shapes import axes_of, axis_of
from minigrad.tensor import TENSORS, Tensor, constant, record

Array = Any
Either = Any  # a Tensor or an array: the same comes out as went in


# ------------------------------------------------------------------------------------------ sum


class ReductionNode(Node):
    __slots__ = ("axes", "input_shape", "keepdim")
    saved_names = ("self", "result")
    axes: tuple[int, ...]
    input_shape: tuple[int, ...]
    keepdim: bool


class SumBackward(ReductionNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (spread(grad, self),)


class SumBackward0(SumBackward):
    __slots__ = ()


class SumBackward1(SumBackward):
    __slots__ = ()


def spread(grad: Either, node: Any) -> Either:
    """The gradient of a reduction, repeated along the dimensions that were reduced."""
    if not node.keepdim:
        grad = unsqueeze_axes(grad, node.axes)
    return expand(grad, node.input_shape)


def sum(
    input: Either, dim: Any = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Any:
    """The sum over `dim` (an int, several, or None for all).  Integers and bools give int64."""
    if type(input) not in TENSORS:
        return kernels.sum(input, axes_of(dim, input.ndim), keepdim)
    array = input.array if dtype is None else input.array.astype(dtype.numpy, copy=False)
    axes = axes_of(dim, array.ndim)
    return record(
        SumBackward0 if dim is None else SumBackward1,
        kernels.sum(array, axes, keepdim),
        (input,),
        axes=axes,
        input_shape=array.shape,
        keepdim=keepdim,
    )


def sum_to(grad: Either, shape: tuple[int, ...], dtype: Any) -> Either:
    """Undo broadcasting and promotion: sum over what was stretched, cast back."""
    of_arrays = type(grad) not in TENSORS
    array = grad if of_arrays else grad.array
    if array.dtype != dtype:
        grad = cast(grad, dtype)
    if array.shape == shape:
        return grad
    if array.shape[1:] == shape and shape:  # the usual case: rows that share a bias
        return kernels.sum(grad, (0,), False) if of_arrays else sum(grad, 0)
    extra = array.ndim - len(shape)
    stretched = [i + extra for i, n in enumerate(shape) if n == 1 and array.shape[i + extra] != 1]
    axes = (*range(extra), *stretched)
    if axes:
        grad = kernels.sum(grad, axes, False) if of_arrays else sum(grad, axes)
    return grad if grad.shape == shape else reshape(grad, shape)


class ToCopyBackward0(Node):
    __slots__ = ("input_dtype",)
    input_dtype: Any

    def vjp(self, grad: Either) -> Any:
        return (cast(grad, self.input_dtype),)


def cast(x: Either, dtype: Any) -> Either:
    """The same values in another (NumPy) dtype."""
    if type(x) not in TENSORS:
        return kernels.converted(x, dtype)
    result = kernels.converted(x.array, dtype)
    if result.dtype.kind != "f":
        return constant(result)
    return record(ToCopyBackward0, result, (x,), input_dtype=x.array.dtype)


class MeanBackward(ReductionNode):
    __slots__ = ("count",)
    count: int

    def vjp(self, grad: Either) -> Any:
        return (spread(div(grad, self.count), self),)


class MeanBackward0(MeanBackward):
    __slots__ = ()


class MeanBackward1(MeanBackward):
    __slots__ = ()


def mean(
    input: Either, dim: Any = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Any:
    """The mean over `dim`.  Only of floating dtypes, as in torch."""
    is_tensor = type(input) in TENSORS
    array = input.array if is_tensor else input
    array = array if dtype is None else array.astype(dtype.numpy, copy=False)
    if array.dtype.kind != "f":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {array.dtype}. Call .float() first."
        )
    axes = axes_of(dim, array.ndim)
    count = math.prod(array.shape[i] for i in axes)
    result = div(kernels.sum(array, axes, keepdim), float(count))
    if not is_tensor:
        return result
    return record(
        MeanBackward0 if dim is None else MeanBackward1,
        result,
        (input,),
        axes=axes,
        input_shape=array.shape,
        keepdim=keepdim,
        count=count,
    )


# ------------------------------------------------------------------------------------- variance


class VarBackward0(ReductionNode):
    __slots__ = ("degrees",)
    degrees: float

    def vjp(self, grad: Either) -> Any:
        x, _ = saved_values(self, grad)
        distance = sub(x, mean(x, self.axes, True))
        return (mul(spread(mul(grad, 2.0 / self.degrees), self), distance),)


class StdBackward0(VarBackward0):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        x, result = saved_values(self, grad)
        scaled = where(eq(result, 0), 0, div(grad, mul(result, self.degrees)))
        return (mul(spread(scaled, self), sub(x, mean(x, self.axes, True))),)


def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The variance: mean squared distance from the mean, over n - correction (1 by default)."""
    return spread_measure(VarBackward0, input, dim, unbiased, keepdim, correction)


def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The standard deviation: the square root of var."""
    return spread_measure(StdBackward0, input, dim, unbiased, keepdim, correction)


def spread_measure(
    node_type: type[VarBackward0],
    input: Tensor,
    dim: Any,
    unbiased: bool | None,
    keepdim: bool,
    correction: float | None,
) -> Tensor:
    if isinstance(dim, bool):  # var(False) means unbiased=False
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    x = input.array
    if x.dtype.kind != "f":
        raise RuntimeError(f"std and var only support floating point dtypes, but got {x.dtype}")
    axes = axes_of(dim, x.ndim)
    count = math.prod(x.shape[i] for i in axes)
    degrees = count - correction if count > correction else 0
    distance = sub(x, mean(x, axes, True))
    squares = kernels.sum(mul(distance, distance), axes, keepdim)
    variance = div(squares, float(degrees))
    result = variance if node_type is VarBackward0 else sqrt(variance)
    return record(
        node_type,
        result,
        (input,),
        (x, result if node_type is StdBackward0 else None),
        axes=axes,
        input_shape=x.shape,
        keepdim=keepdim,
        degrees=float(degrees) if degrees else math.nan,
    )


# -------------------------------------------------------------------------------------- product


class ProdBackward0(Node):
    """Of all elements: works on the flat array."""

    __slots__ = ("input_shape",)
    input_shape: tuple[int, ...]

    def vjp(self, grad: Either) -> Any:
        x, result = saved_values(self, grad)
        flat = reshape(x, (math.prod(self.input_shape),))
        return (reshape(mul(grad, product_of_others(flat, result, 0)), self.input_shape),)


class ProdBackward1(ReductionNode):
    """Along one dimension."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        x, result = saved_values(self, grad)
        if not self.keepdim:
            result = unsqueeze_axes(result, self.axes)
        return (mul(spread(grad, self), product_of_others(x, result, self.axes[0])),)


def has_zero(array: Array) -> bool:
    array = kernels.physical(array)
    return bool(kernels.to_host(kernels.any(eq(array, 0), tuple(range(array.ndim)), False)))


def product_of_others(x: Either, product: Either, axis: int) -> Either:
    """For each element, the product of all others along `axis`; exact where some are 0."""
    if not has_zero(x.array if type(x) in TENSORS else x):
        return div(product, x)
    return mul(running_product(x, axis, False), running_product(x, axis, True))


def running_product(x: Either, axis: int, from_end: bool) -> Either:
    """The product of all elements before (or after) each one, in log2(n) steps: after step k,
    an element holds the product of the 2**k before it."""
    n, shift = x.shape[axis], 1
    product = shifted(x, axis, 1 if n else 0, from_end)
    while shift < n:
        product = mul(product, shifted(product, axis, shift, from_end))
        shift *= 2
    return product


def shifted(x: Either, axis: int, by: int, from_end: bool) -> Either:
    """x moved along `axis`, with ones moving in."""
    array = x.array if type(x) in TENSORS else x
    n = array.shape[axis]
    shape = (*array.shape[:axis], by, *array.shape[axis + 1 :])
    ones: Any = kernels.full(shape, 1, array.dtype, array)
    ones = constant(ones) if type(x) in TENSORS else ones
    if from_end:
        return cat([narrow(x, axis, by, n - by), ones], axis)
    return cat([ones, narrow(x, axis, 0, n - by)], axis)


def prod(
    input: Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    dtype: dtypes.dtype | None = None,
) -> Tensor:
    """The product over one dimension, or of all elements."""
    array = input.array if dtype is None else input.array.astype(dtype.numpy, copy=False)
    if dim is None or not array.ndim:
        result = kernels.prod(array.reshape(-1), (0,), False)
        return record(ProdBackward0, result, (input,), (array, result), input_shape=array.shape)
    axes = (axis_of(dim, array.ndim),)
    result = kernels.prod(array, axes, keepdim)
    details = {"axes": axes, "input_shape": array.shape, "keepdim": keepdim}
    return record(ProdBackward1, result, (input,), (array, result), **details)


# ------------------------------------------------------------------------------------- extremes


class ExtremeBackward(ReductionNode):
    """Equal extremes share the gradient."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        x, result = saved_values(self, grad)
        if not self.keepdim:
            grad, result = unsqueeze_axes(grad, self.axes), unsqueeze_axes(result, self.axes)
        chosen = self.chosen(x, result)
        return (div(where(chosen, grad, 0), sum(chosen, self.axes, True)),)

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


def extreme(node: type[Node], kernel: Any, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    array = x.array
    axes = axes_of(dim, array.ndim)
    if not array.size and (dim is None or dim == ()):
        raise RuntimeError(
            f"{kernel.__name__}(): Expected reduction dim to be specified for input.numel() == 0. "
            "Specify the reduction dim with the 'dim' argument."
        )
    check_not_empty(kernel.__name__, array.shape, axes)
    result = kernel(array, axes, keepdim)
    details = {"axes": axes, "input_shape": array.shape, "keepdim": keepdim}
    return record(node, result, (x,), (array, result), **details)


def check_not_empty(name: str, shape: Sequence[int], axes: Sequence[int]) -> None:
    if 0 in [shape[i] for i in axes]:
        raise IndexError(
            f"{name}(): Expected reduction dim to have non-zero size, but the shape is "
            f"{list(shape)}"
        )


def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The largest element over `dim`; equal ones share the gradient."""
    return extreme(AmaxBackward0, kernels.amax, input, dim, keepdim)


def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The smallest element over `dim`; equal ones share the gradient."""
    return extreme(AminBackward0, kernels.amin, input, dim, keepdim)


class ValuesAndIndices(NamedTuple):
    """What max and min over one dimension return."""

    values: Tensor
    indices: Tensor


class SelectExtremeBackward(Node):
    """The gradient goes to the element that was chosen."""

    __slots__ = ("axis", "input_shape", "keepdim")
    saved_names = ("indices",)
    axis: int
    input_shape: tuple[int, ...]
    keepdim: bool

    def vjp(self, grad: Either) -> Any:
        if not self.keepdim:
            grad = unsqueeze_axes(grad, (self.axis,))
        return (where(self.chosen(grad), grad, 0),)

    def chosen(self, grad: Either) -> Either:
        (indices,) = self.saved_arrays()
        if not self.keepdim:
            indices = unsqueeze_axes(indices, (self.axis,))
        mask = one_hot(indices, self.axis, self.input_shape)
        return constant(mask) if type(grad) in TENSORS else mask


class MaxBackward0(SelectExtremeBackward):
    __slots__ = ()


class MinBackward0(SelectExtremeBackward):
    __slots__ = ()


def one_hot(indices: Array, axis: int, shape: Sequence[int]) -> Array:
    """True where an element's place along `axis` is the one in `indices` (which kept the axis)."""
    if not shape:
        return eq(indices, 0)
    places: Any = np.arange(shape[axis])
    places = kernels.to_device_of(places, indices)
    return eq(places.reshape((-1,) + (1,) * (len(shape) - 1 - axis)), indices)


def select_extreme(
    node: type[Node], find: Any, value: Any, x: Tensor, dim: int, keepdim: bool
) -> ValuesAndIndices:
    array = x.array
    axis = axis_of(dim, array.ndim)
    axes = (axis,) if array.ndim else ()
    check_not_empty(value.__name__, array.shape, axes)
    indices = (
        find(array, axis, keepdim) if array.ndim else kernels.full((), 0, np.dtype(np.int64), array)
    )
    details = {"axis": axis, "input_shape": array.shape, "keepdim": keepdim}
    values = record(node, value(array, axes, keepdim), (x,), (indices,), **details)
    return ValuesAndIndices(values, constant(indices))


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The place of the largest element along `dim` (of all, when None); the first of equals."""
    return place(kernels.argmax, input, dim, keepdim)


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The place of the smallest element along `dim` (of all, when None); the first of equals."""
    return place(kernels.argmin, input, dim, keepdim)


def place(find: Any, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    array = x.array
    if array.dtype.kind == "b":
        raise RuntimeError(f"{find.__name__}(): does not support bool input")
    if dim is None or not array.ndim:
        check_not_empty(find.__name__, (array.size,), (0,))
        indices = find(array.reshape(-1), 0, False)
        return constant(indices.reshape((1,) * array.ndim) if keepdim else indices)
    axis = axis_of(dim, array.ndim)
    check_not_empty(find.__name__, array.shape, (axis,))
    return constant(find(array, axis, keepdim))


def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are true (not 0)."""
    return truth(kernels.all, input, dim, keepdim)


def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether an element is true (not 0)."""
    return truth(kernels.any, input, dim, keepdim)


def truth(kernel: Any, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    result = kernel(x.array, axes_of(dim, x.array.ndim), keepdim)
    is_byte = x.array.dtype == np.uint8  # which torch once used for bools
    return constant(result.astype(np.uint8) if is_byte else result)


# ------------------------------------------------------------------------------------ logsumexp


class LogsumexpBackward0(ReductionNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        x, result = saved_values(self, grad)
        if not self.keepdim:
            grad, result = unsqueeze_axes(grad, self.axes), unsqueeze_axes(result, self.axes)
        return (mul(grad, exp(sub(x, result))),)


def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over `dim`, shifted by the largest element so that exp does not overflow."""
    x = input.array if input.array.dtype.kind == "f" else input.array.astype(np.float32)
    axes = axes_of(dim, x.ndim)
    largest = kernels.amax(x, axes, True) if x.size else kernels.sum(x, axes, True)
    largest = where(isinf(largest), 0, largest)
    result = add(log(kernels.sum(exp(sub(x, largest)), axes, True)), largest)
    if not keepdim:
        result = result.reshape([n for i, n in enumerate(result.shape) if i not in axes])
    details = {"axes": axes, "input_shape": x.shape, "keepdim": keepdim}
    return record(LogsumexpBackward0, result, (input,), (x, result), **details)


# ----------------------------------------------------------------------------- max and min in torch


def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """max(x): the largest element.  max(x, dim): (values, indices).  max(x, y): maximum(x, y)."""
    if type(dim) in TENSORS:
        return maximum(input, dim)
    if dim is None:
        return extreme(MaxBackward1, kernels.amax, input, None, False)
    return select_extreme(MaxBackward0, kernels.argmax, kernels.amax, input, dim, keepdim)


def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """min(x): the smallest element.  min(x, dim): (values, indices).  min(x, y): minimum(x, y)."""
    if type(dim) in TENSORS:
        return minimum(input, dim)
    if dim is None:
        return extreme(MinBackward1, kernels.amin, input, None, False)
    return select_extreme(MinBackward0, kernels.argmin, kernels.amin, input, dim, keepdim)
