"""embedding_bag: the rows of a table that a bag of numbers names, added up or their maxima taken.

The rows are never laid out beside each other: a kernel adds each to its bag, and the same kernel,
with bags and rows exchanged, adds the bags' gradients to the rows'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.node import NO_EDGE, Edge, Node
from minigrad.ops.arguments import Flag, typed
from minigrad.ops.either import Either, array_of, constant_like
from minigrad.ops.embedding import (
    one_over_frequency,
    padding_row,
    refuse_sparse,
    renormalize,
    row_numbers,
)
from minigrad.ops.gather import add_along
from minigrad.ops.index import ends_of
from minigrad.ops.pointwise import add, clamp_min, div, ge, logical_and, lt, mul, ne, where
from minigrad.ops.reduction import sum
from minigrad.ops.rows import take_rows
from minigrad.saved import saved_values
from minigrad.tensor import TENSORS, Tensor, constant, record

Array = Any
Mode = str  # "sum", "mean" or "max"; anything else is refused as such


# -------------------------------------------------------------------------------------- derivatives


class WeightedRows(Node):
    """Of (source, weights).  Saves both, the rows that are picked and the bags they go to."""

    __slots__ = ("by_frequency",)
    by_frequency: bool

    def saved_edges(self) -> Sequence[Edge]:
        return *self.next_functions, NO_EDGE, NO_EDGE

    def vjp(self, grad: Either) -> Any:
        source, weights, _, _ = saved_values(self, grad)
        _, _, picked, bags = self.saved_arrays()
        rows = source.shape[0]
        scale = weights
        if self.by_frequency:
            share = one_over_frequency(picked, rows, array_of(grad))
            scale = mul(weights, constant_like(share, grad))
        of_source = weighted_rows(grad, bags, picked, scale, rows)
        if self.next_functions[1] is NO_EDGE:
            return of_source, None
        return of_source, products_of_rows(grad, source, bags, picked)


class EmbeddingBagBackward0(WeightedRows):
    __slots__ = ()


class MaximaBackward(Node):
    """Of (weight, nothing).  Saves the row of each maximum, -1 for an empty bag."""

    __slots__ = ("rows",)
    rows: int

    def name(self) -> str:
        return "EmbeddingBagBackward0"

    def vjp(self, grad: Either) -> Any:
        (places,) = self.saved_arrays()
        found = ge(places, 0)
        condition = constant_like(found, grad)
        shape = (self.rows, places.shape[1])
        return add_along(where(condition, grad, 0), where(found, places, 0), 0, shape), None


def weighted_rows(
    source: Either, picked: Array, bags: Array, weights: Either, count: int
) -> Either:
    """(count, D): weights[k] * source[picked[k]] added in row bags[k]; -1 is left out."""
    if type(source) not in TENSORS:
        return kernels.weighted_rows(source, picked, bags, weights, count)
    result = kernels.weighted_rows(source.array, picked, bags, weights.array, count)
    saved = (source.array, weights.array, picked, bags)
    return record(WeightedRows, result, (source, weights), saved, by_frequency=False)


def products_of_rows(x: Either, y: Either, x_rows: Array, y_rows: Array) -> Either:
    """For each pair of rows, the sum of the products of their elements; 0 for those left out."""
    valid = logical_and(ge(x_rows, 0), ge(y_rows, 0))
    first, second = (where(valid, rows, 0) for rows in (x_rows, y_rows))
    products = sum(mul(take_rows(x, first, 0), take_rows(y, second, 0)), 1)
    return where(constant_like(valid, x), products, 0)


# ---------------------------------------------------------------------------------------- operation


@typed
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: Mode = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: Flag = False,
    padding_idx: int | None = None,
) -> Tensor:
    """(B, D): the rows of `weight` (V, D) that each bag names: their "sum", "mean" or "max".

    input: (B, N) int64, a bag a row; or (N,), where `offsets` (B,) says where each bag begins.
    per_sample_weights: a factor for each row of a sum.  padding_idx: a row that counts for nothing.
    """
    if weight.array.dtype.kind in "iu" and input.array.dtype.kind == "f":
        input, weight = weight, input  # as torch takes them, too, for programs of old
    check_arguments(input, weight, offsets, mode, per_sample_weights, scale_grad_by_freq)
    refuse_sparse("embedding_bag", sparse)
    numbers = row_numbers("embedding_bag", input.array)
    starts = () if offsets is None else (offsets.array,)
    kernels.check_one_device((weight.array, numbers, *starts))
    bags, count = bags_of(numbers, offsets, include_last_offset)
    picked = numbers.reshape(-1)
    check_picked(picked, weight.array.shape[0])
    if max_norm is not None:
        renormalize(weight, picked, max_norm, norm_type)
    padding = padding_row(padding_idx, weight.array.shape)
    if padding is not None:
        picked = where(ne(picked, padding), picked, -1)
    if mode == "max":
        return maxima(weight, picked, bags, count)
    weights = scale_of(mode, weight.array, picked, bags, count, per_sample_weights)
    result = kernels.weighted_rows(weight.array, picked, bags, weights.array, count)
    saved = (weight.array, weights.array, picked, bags)
    details = {"by_frequency": scale_grad_by_freq}
    return record(EmbeddingBagBackward0, result, (weight, weights), saved, **details)


def maxima(weight: Tensor, picked: Array, bags: Array, count: int) -> Tensor:
    result, rows = kernels.maxima_of_rows(weight.array, picked, bags, count)
    nothing = constant(rows)
    return record(MaximaBackward, result, (weight, nothing), (rows,), rows=weight.array.shape[0])


def scale_of(
    mode: str, table: Array, picked: Array, bags: Array, count: int, given: Tensor | None
) -> Tensor:
    """What each row is multiplied by."""
    if given is not None:
        return given.reshape(-1)
    ones = kernels.full(picked.shape, 1, table.dtype, picked)
    if mode == "sum":
        return constant(ones)
    valid = logical_and(ge(picked, 0), ge(bags, 0))
    goal = where(valid, bags, 0)
    members = kernels.add_rows((count,), goal, where(valid, ones, 0), 0)
    if not picked.size or not count:
        return constant(ones)
    return constant(div(ones, take_rows(clamp_min(members, 1), goal, 0)))


def bags_of(numbers: Array, offsets: Tensor | None, include_last: bool) -> tuple[Array, int]:
    """The bag of each number, -1 for one that is in none, and how many bags there are."""
    if offsets is None:
        count, length = numbers.shape
        column = kernels.to_device_of(np.arange(count).reshape(-1, 1), numbers)
        return kernels.broadcast_to(column, (count, length)).reshape(-1), count
    starts = offsets.array.astype(np.int64, copy=False)
    check_offsets(starts, numbers.size, include_last)
    places = kernels.to_device_of(np.arange(numbers.size), numbers)
    count = starts.shape[0] - int(include_last)
    bags = add(kernels.searchsorted(starts, places, None, True), -1)
    return where(lt(bags, count), bags, -1), count


# ----------------------------------------------------------------------------------- the arguments


def check_picked(picked: Array, rows: int) -> None:
    if picked.size:
        lowest, highest = ends_of(picked)
        if lowest < 0 or highest >= rows:
            wrong = lowest if lowest < 0 else highest
            raise RuntimeError(f"embedding_bag: index {wrong} is no row of a table with {rows}")


def check_offsets(starts: Array, size: int, include_last: bool) -> None:
    if not starts.size:
        if include_last:
            raise RuntimeError("include_last_offset: number of offset should be at least 1")
        return
    first, last = ends_in_all_samples(starts)
    if first != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
            f"position 0. However, got {first}"
        )
    if last > size:
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length {size} but got offsets[-1] of "
            f"{last}"
        )
    if starts.size > 1 and ends_of(steps_between(starts))[0] < 0:
        raise RuntimeError("offsets of embedding_bag have to be in order")


def ends_in_all_samples(starts: Array) -> tuple[int, int]:
    """The first offset that is not 0, if there is one, and the largest last one."""
    ends = kernels.to_host(kernels.physical(starts))
    firsts, lasts = ends[..., 0].ravel(), ends[..., -1]
    return int(firsts[np.abs(firsts).argmax()]), int(lasts.max())


def steps_between(starts: Array) -> Array:
    return add(starts[1:], mul(starts[:-1], -1))


def check_arguments(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None,
    mode: str,
    per_sample_weights: Tensor | None,
    by_frequency: bool,
) -> None:
    """What torch refuses, in its order and words."""
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({list(per_sample_weights.shape)}) is not None, "
            f"then it must have the same shape as the input ({list(input.shape)})"
        )
    check_bags(input, offsets)
    if weight.array.dtype.kind != "f":
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have one of the following scalar types: "
            f"Half, Float, Double; but got {type_name(weight.array.dtype)} instead (while checking "
            "arguments for embedding_bag)"
        )
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and by_frequency:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if per_sample_weights is None:
        return
    if mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
            f"for mode='sum' (got mode={mode!r})."
        )
    if per_sample_weights.array.dtype != weight.array.dtype:
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have the same type as tensor for argument "
            f"#1 'per_sample_weights'; but type {type_name(weight.array.dtype)} does not equal "
            f"{type_name(per_sample_weights.array.dtype)}"
        )


def check_bags(input: Tensor, offsets: Tensor | None) -> None:
    ndim = input.array.ndim
    if ndim not in (1, 2):
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {ndim}")
    if ndim == 2 and offsets is not None:
        raise ValueError(
            "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of "
            f"fixed length sequences. However, found offsets of type {type(offsets)}"
        )
    if ndim == 1 and offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets is not None and offsets.array.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
