"""What is counted: different elements, elements of each value, elements in each bin."""

from __future__ import annotations

import math
from typing import Any

from minigrad import kernels, return_types
from minigrad.dtypes import check_floats, not_implemented
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either
from minigrad.ops.spelling import numpy_names
from minigrad.shapes import axis_of
from minigrad.tensor import Tensor, constant, record

Array = Any


class UnknownDerivative(Node):
    """The node of what has no derivative that anybody implemented, torch neither."""

    __slots__ = ()
    operation = ""

    def vjp(self, grad: Either) -> Any:
        raise RuntimeError(f"the derivative for '{self.operation}' is not implemented.")


class Unique2Backward0(UnknownDerivative):
    __slots__ = ()
    operation = "_unique2"


class UniqueDimBackward0(UnknownDerivative):
    __slots__ = ()
    operation = "unique_dim"


class UniqueConsecutiveBackward0(UnknownDerivative):
    __slots__ = ()
    operation = "unique_consecutive"


class BincountBackward0(UnknownDerivative):
    __slots__ = ()
    operation = "bincount"

    def name(self) -> str:
        return "NotImplemented"


# ----------------------------------------------------------------------------- different elements


@numpy_names
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different elements, in order whether `sorted` or not; also the place of each element
    among them, and how often each occurs.  With `dim`, of the slices along a dimension."""
    if dim is None:
        kernels.check_on_cpu("unique", input.array)
        values, inverse, counts = kernels.unique(input.array, bool(return_inverse))
        made = record(Unique2Backward0, values, (input,))
    else:
        made, inverse, counts = of_slices(
            "unique", UniqueDimBackward0, kernels.unique_rows, input, dim
        )
    return with_options(made, inverse, counts, return_inverse, return_counts)


@numpy_names
def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The same without sorting: one element for each run of equal ones."""
    kernels.check_on_cpu("unique_consecutive", input.array)
    node, find = UniqueConsecutiveBackward0, kernels.unique_consecutive
    if dim is None:
        values, inverse, counts = find(input.array.reshape(-1))
        made = record(node, values, (input,))
        inverse = inverse.reshape(input.array.shape)
    else:
        made, inverse, counts = of_slices("unique_consecutive", node, find, input, dim)
    return with_options(made, inverse, counts, return_inverse, return_counts)


def of_slices(
    name: str, node: type[Node], find: Any, x: Tensor, dim: int
) -> tuple[Tensor, Array, Array]:
    """Of the slices along a dimension, as the rows of a matrix."""
    kernels.check_on_cpu(name, x.array)
    if not x.array.ndim:
        raise IndexError(f"{name}(): Dimension specified as {dim} but tensor has no dimensions")
    axis = axis_of(dim, x.array.ndim)
    first = x.array.swapaxes(0, axis)
    rest = first.shape[1:]
    if 0 in rest:
        raise RuntimeError(
            f"There are 0 sized dimensions, and they aren't selected, so {name} cannot be applied"
        )
    values, inverse, counts = find(first.reshape(first.shape[0], math.prod(rest)))
    values = values.reshape(values.shape[0], *rest)
    return record(node, values.swapaxes(0, axis), (x,)), inverse, counts


def with_options(
    values: Tensor, inverse: Array, counts: Array, return_inverse: bool, return_counts: bool
) -> Any:
    """The values alone, or a tuple of what was asked for."""
    asked = [(inverse, return_inverse), (counts, return_counts)]
    extra = [constant(array) for array, wanted in asked if wanted]
    return (values, *extra) if extra else values


# ---------------------------------------------------------------------------------- counts of each


@typed
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, ... occurs in a vector; or the sums of the weights there."""
    x = input.array
    kernels.check_on_cpu("bincount", x)
    if x.dtype.kind not in "iu":
        raise not_implemented("bincount_cpu", x.dtype)
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if x.ndim != 1 or (x.size and kernels.physical(x).min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None or not x.size:
        return constant(kernels.bincount(x, None, minlength))
    if weights.array.shape != x.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    result = kernels.bincount(x, weights.array, minlength)
    return record(BincountBackward0, result, (weights,))


@typed
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements are in each of `bins` bins of one size between min and max; between the
    smallest and the largest, if these are equal."""
    check_bins("histc", input, bins)
    return constant(kernels.histc(input.array, bins, min, max))


@typed
def histogram(
    input: Tensor,
    bins: int | Tensor,
    *,
    range: tuple[float, float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """(hist, bin_edges): how many elements, or how much weight, is in each of `bins` bins of one
    size, or between the edges that a tensor gives; with `density` the area is 1."""
    if isinstance(bins, Tensor):
        kernels.check_on_cpu("histogram", input.array)
        check_edges(input, bins)
        given = bins.array
    else:
        check_bins("histogram", input, bins)
        given = bins
    if range is not None and len(range) != 2:
        raise RuntimeError(
            "torch.histogram: for a 1-dimensional histogram range should have 2 elements, but got "
            f"{len(range)}"
        )
    low, high = range or (0, 0)
    ends = (low - 0.5, high + 0.5) if range and low == high else (low, high)
    weights = None if weight is None else weight.array
    hist, edges = kernels.histogram(input.array, given, ends, weights, density)
    return return_types.histogram(constant(hist), constant(edges))


def check_edges(x: Tensor, edges: Tensor) -> None:
    if x.array.dtype != edges.array.dtype:
        raise RuntimeError(
            "torch.histogram: input tensor and bins tensors should have the same dtype, but got "
            f"input with dtype {x.dtype} and bins with dtype {edges.dtype}"
        )
    if edges.array.ndim != 1:
        raise RuntimeError(
            "torch.histogram: bins tensor should have one dimension, but got "
            f"{edges.array.ndim} dimensions"
        )


def check_bins(name: str, x: Tensor, bins: Any) -> None:
    kernels.check_on_cpu(name, x.array)
    check_floats("histogram_cpu", x.array.dtype)
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
