"""scatter_reduce: what is scattered to one place is reduced to one value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.node import NO_EDGE, Edge, Node
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either, array_of, constant_like
from minigrad.ops.gather import fill_at, fit, gather_at, index_of, source_of
from minigrad.ops.pointwise import (
    div,
    eq,
    floor_divide,
    gt,
    logical_and,
    masked_fill_number,
    mul,
    where,
)
from minigrad.ops.shared_memory import new_zeros
from minigrad.saved import saved_values
from minigrad.shapes import axis_of
from minigrad.tensor import TENSORS, Tensor, record

Array = Any
Pair = tuple[Either, Either]

MODES = {"sum": "sum", "mean": "sum", "prod": "prod", "amax": "amax", "amin": "amin"}
MODES |= {"max": "amax", "min": "amin"}


@typed
def scatter_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """input with all src[i][j] that belong at [index[i][j]][j] reduced to one value there.

    reduce: "sum", "prod", "mean", "amax" or "amin".  include_self: whether the old value counts.
    """
    if reduce not in MODES:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}."
        )
    axis = axis_of(dim, input.array.ndim)
    places = index_of("scatter_reduce", input.array, index, axis)
    source = source_of("scatter_reduce", input.array, places, src, axis)
    result: Tensor = reduce_at(input, axis, places, source, reduce, include_self)
    return result


def reduce_at(
    x: Either, axis: int, index: Array, src: Either, reduce: str, include_self: bool
) -> Either:
    if type(x) not in TENSORS:
        return reduced(x, axis, index, src, reduce, include_self)
    result = reduced(x.array, axis, index, src.array, reduce, include_self)
    saved = (x.array, src.array, index, result)
    details = {"axis": axis, "reduce": reduce, "include_self": include_self}
    return record(ScatterReduceBackward0, result, (x, src), saved, **details)


def reduced(
    x: Array, axis: int, index: Array, src: Array, reduce: str, include_self: bool
) -> Array:
    if not include_self:
        x = fill_at(x, axis, index, neutral(MODES[reduce], x.dtype))
    result = kernels.scatter(x, index, src, axis, MODES[reduce])
    if reduce != "mean":
        return result
    if x.dtype == bool:
        raise NotImplementedError("scatter_reduce(): reduce='mean' is not implemented for 'Bool'")
    count = counts(x, axis, index, include_self)
    return div(result, count) if x.dtype.kind == "f" else floor_divide(result, count)


def neutral(mode: str, dtype: Any) -> Any:
    """What changes nothing: put where the old value does not count."""
    if mode in ("sum", "prod"):
        return mode == "prod"
    if dtype.kind == "f":
        return -np.inf if mode == "amax" else np.inf
    if dtype.kind == "b":
        return mode == "amin"
    bounds = np.iinfo(dtype)
    return bounds.min if mode == "amax" else bounds.max


def counts(x: Array, axis: int, index: Array, include_self: bool) -> Array:
    """How many values come together at each place; 1 where none does."""
    start = kernels.full(x.shape, 1, x.dtype, x)
    if not include_self:
        start = fill_at(start, axis, index, 0)
    ones = kernels.full(index.shape, 1, x.dtype, index)
    return kernels.scatter(start, index, ones, axis, "sum")


# -------------------------------------------------------------------------------------- derivatives


class ScatterReduceBackward0(Node):
    """Of (input, src)."""

    __slots__ = ("axis", "include_self", "reduce")
    saved_names = ("self", "src", "index", "result")
    axis: int
    include_self: bool
    reduce: str

    def saved_edges(self) -> Sequence[Edge]:
        return *self.next_functions, NO_EDGE, (self, 0)

    def vjp(self, grad: Either) -> Any:
        x, src, _, result = saved_values(self, grad)
        read = src[tuple(map(slice, self.index.shape))] if src.ndim else src
        gradients = GRADIENTS[MODES[self.reduce]]
        of_self, of_src = gradients(self, grad, x, read, result)
        if not self.include_self:
            of_self = fill_at(of_self, self.axis, self.index, 0)
        return of_self, fit(of_src, tuple(src.shape))

    @property
    def index(self) -> Array:
        return self.saved_arrays()[2]

    def gather(self, x: Either) -> Either:
        return gather_at(x, self.axis, self.index)

    def again(self, x: Either, src: Either) -> Either:
        """The operation itself, of other values."""
        return reduce_at(x, self.axis, self.index, src, self.reduce, self.include_self)

    def add_to(self, x: Array, values: Array) -> Array:
        return kernels.scatter(x, self.index, values, self.axis, "sum")


def of_sum(node: ScatterReduceBackward0, grad: Either, x: Either, src: Either, _: Any) -> Pair:
    """Also of the mean, which is a sum divided by constants."""
    if node.reduce == "mean":
        count = counts(node.saved_arrays()[0], node.axis, node.index, node.include_self)
        grad = div(grad, constant_like(count, grad))
    return grad, node.gather(grad)


def of_extreme(
    node: ScatterReduceBackward0, grad: Either, x: Either, src: Either, result: Either
) -> Pair:
    """The elements that are the extreme share its gradient evenly."""
    old, values, extreme = array_of(x), array_of(src), array_of(result)
    in_self = ones_where(eq(old, extreme), old)
    if not node.include_self:
        in_self = fill_at(in_self, node.axis, node.index, 0)
    in_src = ones_where(eq(values, node.gather(extreme)), values)
    share = div(grad, constant_like(node.add_to(in_self, in_src), grad))
    of_self = mul(share, constant_like(in_self, grad))
    of_src = mul(node.gather(share), constant_like(in_src, grad))
    return of_self, of_src


def of_product(
    node: ScatterReduceBackward0, grad: Either, x: Either, src: Either, result: Either
) -> Pair:
    """grad * result / element; for an element that is the only 0, the product of the others."""
    old, values = array_of(x), array_of(src)
    rest = masked_fill_number(x, constant_like(eq(old, 0), grad), 1)
    of_self = div(mul(grad, node.again(rest, src)), rest)
    zero = eq(values, 0)
    zeros = node.add_to(new_zeros(old, x.shape), ones_where(zero, values))
    only = constant_like(logical_and(zero, eq(node.gather(zeros), 1)), grad)
    others = node.again(x, masked_fill_number(src, only, 1))
    divisor = masked_fill_number(src, constant_like(zero, grad), 1)
    quotient = div(node.gather(mul(grad, result)), divisor)
    of_src = where(only, node.gather(mul(grad, others)), quotient)
    if type(grad) in TENSORS and is_any(gt(zeros, 1)):
        of_src = record(ManyZeros, of_src.array, (of_src,))
    return of_self, of_src


class ManyZeros(Node):
    """A first derivative that is right, but not as a function."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        raise RuntimeError(
            "scatter_reduce(): Double backward is unsupported for src when >1 zeros in src are "
            "scattered to the same position in self"
        )


GRADIENTS = {"sum": of_sum, "prod": of_product, "amax": of_extreme, "amin": of_extreme}


def ones_where(condition: Array, x: Array) -> Array:
    return where(condition, kernels.full((), 1, x.dtype, x), kernels.full((), 0, x.dtype, x))


def is_any(condition: Array) -> bool:
    condition = kernels.physical(condition)
    axes = tuple(range(condition.ndim))
    return bool(kernels.to_host(kernels.any(condition, axes, False)))
