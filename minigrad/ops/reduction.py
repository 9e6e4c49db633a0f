"""Sums and products over any dimensions, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes, kernels
from minigrad.dtypes import to_numpy, type_name
from minigrad.node import Node
from minigrad.ops.arguments import ALL, Dims, Ints
from minigrad.ops.either import Either, array_of, constant_like
from minigrad.ops.joining import cat
from minigrad.ops.pointwise import (
    add,
    div,
    eq,
    exp,
    gt,
    isinf,
    log,
    mul,
    ne,
    sub,
    where,
)
from minigrad.ops.spelling import numpy_names
from minigrad.ops.view import expand, narrow, reshape, unsqueeze_axes
from minigrad.saved import saved_values
from minigrad.shapes import axes_of, axis_of
from minigrad.tensor import TENSORS, Tensor, constant, record

Array = Any
Dtype = dtypes.dtype | None


# ------------------------------------------------------------------------------------------ sum


class ReductionNode(Node):
    __slots__ = ("axes", "input_shape", "keepdim")
    saved_names: tuple[str, ...] = ("self", "result")
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


def as_dtype(x: Tensor, dtype: Dtype) -> tuple[Tensor, Array]:
    """What an operation with a `dtype` works on: the tensor that its gradient goes to (a constant
    where integers have none), and the array."""
    if dtype is None or x.array.dtype == to_numpy(dtype):
        return x, x.array
    array = kernels.converted(x.array, to_numpy(dtype))
    return x if array.dtype.kind == "f" else constant(array), array


def narrowed(result: Array, dtype: Dtype) -> Array:
    """A result of integers, which are added up in int64, in the dtype that was asked for."""
    return result if dtype is None else result.astype(to_numpy(dtype), copy=False)


@numpy_names
def sum(input: Either, dim: Dims = None, keepdim: bool = False, *, dtype: Dtype = None) -> Any:
    """The sum over `dim` (an int, several, or None for all).  Integers and bools give int64."""
    if type(input) not in TENSORS:
        return kernels.sum(input, axes_of(dim, input.ndim), keepdim)
    source, array = as_dtype(input, dtype)
    axes = axes_of(dim, array.ndim)
    return record(
        SumBackward0 if dim is None else SumBackward1,
        narrowed(kernels.sum(array, axes, keepdim), dtype),
        (source,),
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


@numpy_names
def mean(input: Either, dim: Dims = None, keepdim: bool = False, *, dtype: Dtype = None) -> Any:
    """The mean over `dim`.  Only of floating dtypes, as in torch."""
    is_tensor = type(input) in TENSORS
    source, array = as_dtype(input, dtype) if is_tensor else (input, input)
    if array.dtype.kind != "f":
        which = "Input" if dtype is None else "Optional"
        raise RuntimeError(
            f"mean(): could not infer output dtype. {which} dtype must be either a floating point "
            f"or complex dtype. Got: {type_name(array.dtype)}. Call .float() first."
        )
    axes = axes_of(dim, array.ndim)
    count = math.prod(array.shape[i] for i in axes)
    result = div(kernels.sum(array, axes, keepdim), float(count))
    if not is_tensor:
        return result
    return record(
        MeanBackward0 if dim is None else MeanBackward1,
        result,
        (source,),
        axes=axes,
        input_shape=array.shape,
        keepdim=keepdim,
        count=count,
    )


class NansumBackward0(ReductionNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        x, _ = saved_values(self, grad)
        return (mul(spread(grad, self), eq(x, x)),)


@numpy_names
def nansum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Dtype = None
) -> Tensor:
    """The sum of all that is not NaN."""
    if input.array.dtype.kind != "f":
        return sum(input, dim, keepdim, dtype=dtype)
    source, array = as_dtype(input, dtype)
    axes = axes_of(dim, array.ndim)
    summed = kernels.nansum if array.dtype.kind == "f" else kernels.sum
    result = narrowed(summed(array, axes, keepdim), dtype)
    details = {"axes": axes, "input_shape": array.shape, "keepdim": keepdim}
    return record(NansumBackward0, result, (source,), (array, None), **details)


@numpy_names
def nanmean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Dtype = None
) -> Tensor:
    """The mean of all that is not NaN."""
    if input.array.dtype.kind != "f":
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            f"{type_name(input.array.dtype)}"
        )
    count = sum(eq(input.detach(), input.detach()), dim, keepdim)
    return div(nansum(input, dim, keepdim, dtype=dtype), count)


@numpy_names
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """How many elements are not 0 (NaN is not)."""
    return constant(kernels.sum(ne(input.array, 0), axes_of(dim, input.array.ndim), False))


# -------------------------------------------------------------------------------------- product


class ProdBackward0(Node):
    """Of all elements: works on the flat array."""

    __slots__ = ("input_shape",)
    input_shape: tuple[int, ...]

    def vjp(self, grad: Either) -> Any:
        x, result = saved_values(self, grad)
        flat = reshape(x, (math.prod(self.input_shape),))
        others = product_of_others(flat, result, 0)
        if type(grad) not in TENSORS and has_zero(flat):
            zeros = kernels.sum(eq(flat, 0), (0,), True)
            others = where(gt(zeros, 1), 0, others)  # even beside NaN and infinities
        return (reshape(mul(grad, others), self.input_shape),)


class ProdBackward1(ReductionNode):
    """Along one dimension."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        x, result = saved_values(self, grad)
        if not self.axes:
            return (grad,)
        if not self.keepdim:
            result = unsqueeze_axes(result, self.axes)
        return (mul(spread(grad, self), product_of_others(x, result, self.axes[0])),)


def has_zero(array: Array) -> bool:
    array = kernels.physical(array)
    return bool(kernels.to_host(kernels.any(eq(array, 0), tuple(range(array.ndim)), False)))


def product_of_others(x: Either, product: Either, axis: int) -> Either:
    """For each element, the product of all others along `axis`; exact where some are 0."""
    if not has_zero(array_of(x)):
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
    array = array_of(x)
    n = array.shape[axis]
    shape = (*array.shape[:axis], by, *array.shape[axis + 1 :])
    ones: Any = kernels.full(shape, 1, array.dtype, array)
    ones = constant_like(ones, x)
    if from_end:
        return cat([narrow(x, axis, by, n - by), ones], axis)
    return cat([ones, narrow(x, axis, 0, n - by)], axis)


@numpy_names
def prod(input: Tensor, dim: int = ALL, keepdim: bool = False, *, dtype: Dtype = None) -> Tensor:
    """The product over one dimension, or of all elements."""
    source, array = as_dtype(input, dtype)
    if dim is None:
        if keepdim:
            raise TypeError("prod() takes keepdim only together with dim")
        result = narrowed(kernels.prod(array.reshape(-1), (0,), False), dtype)
        return record(ProdBackward0, result, (source,), (array, result), input_shape=array.shape)
    axes = (axis_of(dim, array.ndim),) if array.ndim else no_axes(dim)
    result = narrowed(kernels.prod(array, axes, keepdim), dtype)
    details = {"axes": axes, "input_shape": array.shape, "keepdim": keepdim}
    return record(ProdBackward1, result, (source,), (array, result), **details)


def no_axes(dim: int) -> tuple[()]:
    """The axes that a reduction of a 0-d tensor over dimension 0 has."""
    axis_of(dim, 0)
    return ()


# --------------------------------------------------------------------------------------- truth


@numpy_names
def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are true (not 0)."""
    return truth(kernels.all, input, dim, keepdim)


@numpy_names
def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether an element is true (not 0)."""
    return truth(kernels.any, input, dim, keepdim)


def truth(kernel: Any, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    """Of each element by itself where `dim` is empty; other reductions take that for all."""
    array = x.array
    if isinstance(dim, tuple | list) and not dim:
        result = ne(array, 0)
    else:
        result = kernel(array, axes_of(dim, array.ndim), keepdim)
    is_byte = array.dtype == np.uint8  # which torch once used for bools
    return constant(result.astype(np.uint8) if is_byte else result)


# ------------------------------------------------------------------------------------ logsumexp


class LogsumexpBackward0(ReductionNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        x, result = saved_values(self, grad)
        if not self.keepdim:
            grad, result = unsqueeze_axes(grad, self.axes), unsqueeze_axes(result, self.axes)
        return (mul(grad, exp(sub(x, result))),)


@numpy_names
def logsumexp(input: Tensor, dim: Ints, keepdim: bool = False) -> Tensor:
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


def one_hot(indices: Array, axis: int, shape: Sequence[int]) -> Array:
    """True where an element's place along `axis` is the one in `indices` (which kept the axis)."""
    if not shape:
        return eq(indices, 0)
    places: Any = np.arange(shape[axis])
    places = kernels.to_device_of(places, indices)
    return eq(places.reshape((-1,) + (1,) * (len(shape) - 1 - axis)), indices)
