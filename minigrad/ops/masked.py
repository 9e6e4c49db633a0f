"""Elements by a mask: filled, picked and put; and the places that are not zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.define import NUMBERS, check_fits
from minigrad.ops.either import Either, constant_like
from minigrad.ops.pointwise import masked_fill_number, where
from minigrad.ops.shared_memory import new_zeros
from minigrad.ops.view import reshape
from minigrad.shapes import broadcast_shape
from minigrad.tensor import TENSORS, Tensor, constant, record, unrecorded

Array = Any


# ------------------------------------------------------------------------------------ masked_fill


class MaskedFillBackward1(Node):
    """x.masked_fill(mask, a tensor of 0 dimensions)"""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        (mask,) = self.saved_arrays()
        if type(grad) in TENSORS:
            mask = constant(mask)
        return masked_fill_number(grad, mask, 0), where(mask, grad, new_zeros(grad, ()))


@typed
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A value where the mask is true, x elsewhere"""
    if mask.array.dtype.kind != "b":
        raise RuntimeError(
            f"masked_fill only supports boolean masks, but got mask with dtype {mask.dtype}"
        )
    if type(value) in NUMBERS:
        check_fits(value, input.array.dtype)
    if type(value) not in TENSORS:
        return masked_fill_number(input, mask, value)
    if value.array.ndim:
        raise RuntimeError(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.array.ndim} dimension(s)."
        )
    value = value.to(input.device, input.dtype)
    result = where(mask.array, value.array, input.array)
    return record(MaskedFillBackward1, result, (input, value), (mask.array,))


# ----------------------------------------------------------------------------------- picked and put


class MaskedNode(Node):
    """Saves the mask, in the shape of what it picks from."""

    __slots__ = ("input_shape",)
    saved_names = ("mask",)
    input_shape: tuple[int, ...]

    def vjp_at(self, grad: Either, mask: Array) -> Any:
        raise NotImplementedError

    def vjp(self, grad: Either) -> Any:
        (mask,) = self.saved_arrays()
        return self.vjp_at(grad, mask)


class MaskedSelectBackward0(MaskedNode):
    __slots__ = ()

    def vjp_at(self, grad: Either, mask: Array) -> Any:
        return (scatter_at(new_zeros(grad, mask.shape), mask, grad),)


class MaskedScatterBackward0(MaskedNode):
    """Of (input, source)."""

    __slots__ = ()

    def vjp_at(self, grad: Either, mask: Array) -> Any:
        condition = constant_like(mask, grad)
        own = masked_fill_number(grad, condition, 0)
        return own, in_front(select_at(grad, mask), self.input_shape)


def in_front(values: Either, shape: tuple[int, ...]) -> Either:
    """Values as the first elements of an array of zeros."""
    zeros = new_zeros(values, shape)
    flat = zeros.array.reshape(-1) if type(zeros) in TENSORS else zeros.reshape(-1)
    count = values.shape[0]
    first = np.arange(flat.shape[0]) < count
    mask = kernels.to_device_of(first, flat)
    zeros = reshape(zeros, (flat.shape[0],))
    return reshape(scatter_at(zeros, mask, values), shape)


def select_at(x: Either, mask: Array) -> Either:
    """The elements of x where a mask of its shape is true."""
    if type(x) not in TENSORS:
        return kernels.masked_select(x, mask)
    result = kernels.masked_select(x.array, mask)
    return record(MaskedSelectBackward0, result, (x,), (mask,), input_shape=mask.shape)


def scatter_at(x: Either, mask: Array, source: Either) -> Either:
    """x with the elements of a source, in order, where a mask of its shape is true."""
    if type(x) not in TENSORS:
        return kernels.masked_scatter(x, mask, source)
    result = kernels.masked_scatter(x.array, mask, source.array)
    shape = source.array.shape
    return record(MaskedScatterBackward0, result, (x, source), (mask,), input_shape=shape)


@typed
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is true, in one dimension; input and mask broadcast."""
    if mask.array.dtype != bool:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    if kernels.is_batched(mask.array):
        raise RuntimeError(
            "vmap: Attempted to vmap over `mask` in masked_select(input, mask): each sample would "
            "give a result of another size. Use where(mask, input, 0) instead."
        )
    kernels.check_one_device((input.array, mask.array))
    shape = broadcast_shape(input.array.shape, mask.array.shape)
    array = kernels.broadcast_to(input.array, shape)
    where_true = kernels.broadcast_to(mask.array, shape)
    result = kernels.masked_select(array, where_true)
    return record(MaskedSelectBackward0, result, (input,), (where_true,), input_shape=shape)


@typed
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """input with the elements of `source`, in order, where the mask is true."""
    if mask.array.dtype != bool:
        raise RuntimeError(
            "masked_scatter_ only supports boolean masks, but got mask with dtype "
            f"{type_name(mask.array.dtype)}"
        )
    if source.array.dtype != input.array.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got"
            f"{type_name(input.array.dtype)} and {type_name(source.array.dtype)}"
        )
    kernels.check_one_device((input.array, mask.array, source.array))
    shape = broadcast_shape(input.array.shape, mask.array.shape)
    array = kernels.broadcast_to(input.array, shape)
    places = kernels.broadcast_to(mask.array, shape)
    result = kernels.masked_scatter(array, places, source.array)
    details = {"input_shape": source.array.shape}
    return record(MaskedScatterBackward0, result, (input, source), (places,), **details)


# ------------------------------------------------------------------------------- what is not zero


@typed
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The places of the elements that are not zero, one a row: (count, ndim) int64.

    as_tuple: one vector a dimension instead, which x[...] takes.
    """
    if not as_tuple:
        return unrecorded(kernels.nonzero(input.array))
    rows = kernels.nonzero(input.array if input.array.ndim else input.array.reshape(1))
    return tuple(unrecorded(rows[:, i]) for i in range(rows.shape[1]))


@typed
def argwhere(input: Tensor) -> Tensor:
    """The places of the elements that are not zero, one a row."""
    return unrecorded(kernels.nonzero(input.array))


def where_or_nonzero(
    condition: Any, input: Any = None, other: Any = None, *, out: Any = None
) -> Any:
    """input where the condition holds, other elsewhere; without both, the places where it does,
    as nonzero(as_tuple=True) gives them."""
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    return where(condition, input, other, out=out)


where_or_nonzero.__name__ = where_or_nonzero.__qualname__ = "where"  # as errors say it
