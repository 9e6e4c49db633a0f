"""Elements by their order: sorted, the largest, the middle one, the most frequent one."""

from __future__ import annotations

from typing import Any

from minigrad import kernels, return_types
from minigrad.ops.arguments import ALL, typed
from minigrad.ops.chosen import ChoiceNode
from minigrad.ops.either import Either
from minigrad.ops.extremes import FullExtremeBackward, check_not_empty
from minigrad.ops.pointwise import eq, isnan, logical_and
from minigrad.ops.spelling import numpy_names
from minigrad.shapes import axis_of
from minigrad.tensor import Tensor, constant, record

Array = Any


# ------------------------------------------------------------------------------------------- sort


class SortBackward0(ChoiceNode):
    __slots__ = ()


class SortBackward1(ChoiceNode):
    __slots__ = ()


@numpy_names
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = None
) -> Any:
    """(values, indices) along a dimension, in ascending order.  NaN is larger than all numbers;
    equal elements keep their order, whether `stable` or not."""
    node = SortBackward0 if stable is None else SortBackward1
    return return_types.sort(*sorted_along(node, input, dim, descending))


def sorted_along(
    node: type[ChoiceNode], x: Tensor, dim: int, descending: bool
) -> tuple[Tensor, Tensor]:
    axis = axis_of(dim, x.array.ndim)
    return chosen(node, x, axis, kernels.sort(x.array, axis, bool(descending)), True)


def chosen(
    node: type[ChoiceNode], x: Tensor, axis: int, found: tuple[Array, Array], keepdim: bool
) -> tuple[Tensor, Tensor]:
    """The tensors of values that were chosen along an axis, and of their places."""
    values, indices = found
    details = {"axis": axis, "input_shape": x.array.shape, "keepdim": keepdim}
    return record(node, values, (x,), (indices,), **details), constant(indices)


@numpy_names
def argsort(
    input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False
) -> Tensor:
    """The indices that sort would give."""
    axis = axis_of(dim, input.array.ndim)
    return constant(kernels.argsort(input.array, axis, bool(descending)))


@typed
def msort(input: Tensor) -> Tensor:
    """Sorted along the first dimension."""
    kernels.check_on_cpu("msort", input.array)
    return sorted_along(SortBackward0, input, 0, False)[0]


# ------------------------------------------------------------------------------- the first of them


class TopkBackward0(ChoiceNode):
    __slots__ = ()


class KthvalueBackward0(ChoiceNode):
    __slots__ = ()


@numpy_names
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """(values, indices) of the k largest along a dimension, or the smallest, the first of equals
    first.  They come in order, whether `sorted` or not."""
    x = input.array
    axis = axis_of(dim, x.ndim)
    if x.dtype.kind == "b":
        raise RuntimeError("topk does not support bool dtypes on CPU")
    if not 0 <= k <= (x.shape[axis] if x.ndim else 1):
        raise RuntimeError("selected index k out of range")
    found = kernels.topk(x, k if x.ndim else 1, axis, bool(largest))
    return return_types.topk(*chosen(TopkBackward0, input, axis, found, True))


@numpy_names
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """(values, indices) of the k-th smallest along a dimension, counted from 1."""
    if isinstance(k, float):
        raise TypeError("kthvalue(): argument 'k' (position 2) must be int, not float")
    x = input.array
    axis = axis_of(dim, x.ndim)
    check_not_empty("kthvalue", x.shape, (axis,) if x.ndim else ())
    if not 1 <= k <= (x.shape[axis] if x.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    found = kernels.kthvalue(x, k, axis, keepdim)
    return return_types.kthvalue(*chosen(KthvalueBackward0, input, axis, found, keepdim))


# ---------------------------------------------------------------------------------- in the middle


class MedianBackward0(FullExtremeBackward):
    __slots__ = ()


class NanmedianBackward0(FullExtremeBackward):
    """Several NaN share the gradient where there is nothing else."""

    __slots__ = ()

    def chosen(self, x: Either, result: Either) -> Either:
        return logical_and(super().chosen(x, result), eq(isnan(x), isnan(result)))


class MedianBackward1(ChoiceNode):
    __slots__ = ()


class NanmedianBackward1(ChoiceNode):
    __slots__ = ()


@numpy_names
def median(input: Tensor, dim: int = ALL, keepdim: bool = False) -> Any:
    """The median of all elements, the lower of two; with `dim` (values, indices).  It is NaN where
    an element is."""
    if dim is None:
        return median_of_all("median", MedianBackward0, kernels.median, input)
    kinds = MedianBackward1, kernels.median
    return return_types.median(*medians("median", *kinds, input, dim, keepdim))


@numpy_names
def nanmedian(input: Tensor, dim: int = ALL, keepdim: bool = False) -> Any:
    """The median of what is not NaN; with `dim` (values, indices)."""
    if dim is None:
        return median_of_all("nanmedian", NanmedianBackward0, kernels.nanmedian, input)
    kinds = NanmedianBackward1, kernels.nanmedian
    return return_types.nanmedian(*medians("nanmedian", *kinds, input, dim, keepdim))


def median_of_all(name: str, node: type[FullExtremeBackward], find: Any, x: Tensor) -> Tensor:
    """Equal elements share the gradient."""
    array = x.array
    if array.size:
        result, _ = find(array.reshape(-1), 0, False)
    else:
        result = kernels.full((), float("nan"), array.dtype, array)
    details = {"axes": tuple(range(array.ndim)), "input_shape": array.shape, "keepdim": False}
    return record(node, result, (x,), (array, result), **details)


def medians(
    name: str, node: type[ChoiceNode], find: Any, x: Tensor, dim: int, keepdim: bool
) -> tuple[Tensor, Tensor]:
    array = x.array
    axis = axis_of(dim, array.ndim)
    check_not_empty(name, array.shape, (axis,) if array.ndim else ())
    return chosen(node, x, axis, find(array, axis, keepdim), keepdim)


# ----------------------------------------------------------------------------------- most frequent


class ModeBackward0(ChoiceNode):
    __slots__ = ()


@numpy_names
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """(values, indices) of the most frequent elements along a dimension: the smallest, if there
    are several, and the last place where it is."""
    x = input.array
    axis = axis_of(dim, x.ndim)
    check_not_empty("mode", x.shape, (axis,) if x.ndim else ())
    found = kernels.mode(x, axis, keepdim)
    return return_types.mode(*chosen(ModeBackward0, input, axis, found, keepdim))
