"""The places of one dimension that a vector of numbers names: read, added to, copied to, filled."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.define import NUMBERS, fitting
from minigrad.ops.either import Either, array_of, constant_like
from minigrad.ops.index import ends_of, in_bounds
from minigrad.ops.pointwise import mul, where
from minigrad.ops.reduction import sum
from minigrad.ops.view import reshape
from minigrad.shapes import axis_of
from minigrad.tensor import TENSORS, Tensor, record

Array = Any
Shape = tuple[int, ...]


# ------------------------------------------------------------------------------------------ reading


class RowsNode(Node):
    __slots__ = ("axis", "input_shape")
    saved_names = ("indices",)
    axis: int
    input_shape: Shape

    def vjp(self, grad: Either) -> Any:
        (indices,) = self.saved_arrays()
        return (add_rows(grad, indices, self.axis, self.input_shape),)


class IndexSelectBackward0(RowsNode):
    __slots__ = ()


class AddRowsBackward0(Node):
    """The derivative of add_rows: the rows are taken again."""

    __slots__ = ("axis",)
    saved_names = ("indices",)
    axis: int

    def vjp(self, grad: Either) -> Any:
        (indices,) = self.saved_arrays()
        return (take_rows(grad, indices, self.axis),)


def take_rows(
    x: Either, indices: Array, axis: int, node_type: type[RowsNode] = IndexSelectBackward0
) -> Either:
    """x with `axis` replaced by those of the indices."""
    if type(x) not in TENSORS:
        return kernels.take_rows(x, indices, axis)
    result = kernels.take_rows(x.array, indices, axis)
    return record(node_type, result, (x,), (indices,), axis=axis, input_shape=x.array.shape)


def add_rows(grad: Either, indices: Array, axis: int, shape: Shape) -> Either:
    """Zeros of `shape`, with `grad` added where take_rows would read."""
    if type(grad) not in TENSORS:
        return kernels.add_rows(shape, indices, grad, axis)
    result = kernels.add_rows(shape, indices, grad.array, axis)
    return record(AddRowsBackward0, result, (grad,), (indices,), axis=axis)


@typed
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The places of one dimension that `index`, a vector, numbers."""
    if index.array.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    indices = int64_vector("index_select", index.array)
    kernels.check_one_device((input.array, indices))
    axis = axis_of(dim, input.array.ndim)
    if not input.array.ndim:
        return select_number(input, indices)
    check_rows("index_select", indices, input.array.shape[axis])
    result: Tensor = take_rows(input, indices, axis)
    return result


def select_number(input: Tensor, indices: Array) -> Tensor:
    """Of a tensor without dimensions."""
    if indices.size != 1:
        raise RuntimeError(
            f"index_select(): Index to scalar can have only 1 value, got {indices.size} value(s)"
        )
    check_rows("index_select", indices, 1)
    result = kernels.take_rows(input.array.reshape(1), indices, 0).reshape(())
    return record(ScalarIndexSelect, result, (input,))


class ScalarIndexSelect(Node):
    __slots__ = ()

    def name(self) -> str:
        return "IndexSelectBackward0"

    def vjp(self, grad: Either) -> Any:
        return (grad,)


# ----------------------------------------------------------------------------------- the arguments


def int64_vector(name: str, index: Array) -> Array:
    """An index of one dimension: of one place, where it has none."""
    if index.dtype.kind != "i" or index.dtype.itemsize < 4:
        raise RuntimeError(f"{name}(): Expected dtype int32 or int64 for index")
    return index.astype(np.int64, copy=False).reshape(-1)


def long_vector(name: str, index: Array) -> Array:
    if index.dtype != np.int64:
        raise RuntimeError(
            f"{name}(): Expected a long tensor for index, but got {type_name(index.dtype)}"
        )
    return index.reshape(-1)


def check_rows(name: str, indices: Array, n: int) -> None:
    """IndexError unless all are rows, counted from 0."""
    if not indices.size or is_within(indices, n):
        return
    lowest, highest = ends_of(indices)
    wrong = lowest if lowest < 0 else highest
    raise IndexError(f"index out of range in self: {name} got {wrong}, of {n} rows")


def is_within(indices: Array, n: int) -> bool:
    """Whether 0 <= index < n for all; one look is enough, since a negative number without its
    sign is a large one."""
    if type(indices) is np.ndarray:
        return bool(np.maximum.reduce(indices.view(np.uint64), axis=None) < n)
    lowest, highest = ends_of(indices)
    return lowest >= 0 and highest < n


def with_dimension(x: Either) -> Either:
    """A tensor without dimensions as one of a single place."""
    array = array_of(x)
    return x if array.ndim else reshape(x, (1,))


# ------------------------------------------------------------------------------------------ writing


class IndexAddBackward0(RowsNode):
    """Of (input, source)."""

    __slots__ = ("alpha",)
    alpha: float

    def vjp(self, grad: Either) -> Any:
        (indices,) = self.saved_arrays()
        of_source = take_rows(with_dimension(grad), indices, self.axis)
        if self.alpha != 1:
            of_source = mul(of_source, self.alpha)
        return grad, reshape(of_source, self.input_shape)


@typed
def index_add(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1
) -> Tensor:
    """input with alpha * source[i] added at place index[i] of a dimension, as often as it is named.

    On a GPU sums are made in any order, so that the last digit may differ from run to run.
    """
    x, values = input.array, source.array
    axis = axis_of(dim, x.ndim)
    if index.array.ndim > 1:
        raise IndexError("index_add_(): Index is supposed to be a vector, but got dim: 2")
    indices = int64_vector("index_add", index.array)
    check_source_of_add(x, indices, values, axis)
    if alpha != 1:
        values = mul(values, x.dtype.type(alpha).item())
    result = kernels.index_add(x if x.ndim else x.reshape(1), indices, values, axis)
    details = {"axis": axis, "input_shape": values.shape, "alpha": alpha}
    return record(
        IndexAddBackward0, result.reshape(x.shape), (input, source), (indices,), **details
    )


def check_source_of_add(x: Array, indices: Array, source: Array, axis: int) -> None:
    kernels.check_one_device((x, indices, source))
    if source.dtype != x.dtype:
        raise RuntimeError(
            f"index_add_(): self ({type_name(x.dtype)}) and source ({type_name(source.dtype)}) "
            "must have the same scalar type"
        )
    count = source.shape[axis] if source.ndim > axis else 1
    if indices.size != count:
        raise RuntimeError(
            f"index_add_(): Number of indices ({indices.size}) should be equal to "
            f"source.size(dim): ({count}), for dim: {axis}"
        )
    if (*source.shape[:axis], *source.shape[axis + 1 :]) != (
        *x.shape[:axis],
        *x.shape[axis + 1 :],
    ) or source.ndim != x.ndim:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(x.shape)} source.shape = {list(source.shape)}"
        )
    check_places(indices, axis, x.shape[axis] if x.ndim else 1, RuntimeError)


def check_places(indices: Array, axis: int, n: int, error: type[Exception], name: str = "") -> None:
    if indices.size and not is_within(indices, n):
        lowest, highest = ends_of(indices)
        wrong = lowest if lowest < 0 else highest
        raise error(f"{name}index {wrong} is out of bounds for dimension {axis} with size {n}")


class IndexCopyBackward0(RowsNode):
    """Of (input, source).  Of places that are named twice each source gets the gradient, though
    only the last one stays: as in torch."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        (indices,) = self.saved_arrays()
        own = fill_rows(grad, self.axis, indices, 0)
        of_source = take_rows(with_dimension(grad), indices, self.axis)
        return own, reshape(of_source, self.input_shape)


@typed
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """input with source[i] at place index[i] of a dimension."""
    x, values = input.array, source.array
    axis = axis_of(dim, x.ndim)
    if index.array.ndim > 1:
        raise IndexError(
            f"index_copy_(): Index should have dimension 1 or 0 (got {index.array.ndim})"
        )
    indices = long_vector("index_copy_", index.array)
    check_source_of_copy(x, indices, values, axis)
    result = put_rows(x, axis, indices, values if x.ndim else values.reshape(1))
    details = {"axis": axis, "input_shape": values.shape}
    return record(IndexCopyBackward0, result, (input, source), (indices,), **details)


def check_source_of_copy(x: Array, indices: Array, source: Array, axis: int) -> None:
    kernels.check_one_device((x, indices, source))
    if x.ndim and source.ndim and x.ndim != source.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality "
            f"must match. Source dimensionality ({source.ndim}), destination dimensionality "
            f"({x.ndim})"
        )
    if x.ndim and not source.ndim and indices.size != 1:
        raise IndexError(
            "index_copy_(): When source is scalar, index should have one element (got "
            f"{indices.size})"
        )
    if source.dtype != x.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{type_name(x.dtype)} and (source) {type_name(source.dtype)}"
        )
    slices = [(*s[:axis], *s[axis + 1 :]) for s in (x.shape, source.shape)]
    if slices[0] != slices[1]:
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination "
            f"slice shape: {list(slices[0])} at dimension {axis} and source slice shape: "
            f"{list(slices[1])} at dimension 0."
        )
    count = source.shape[axis] if source.ndim else 1
    if indices.size != count:
        raise IndexError(
            f"index_copy_(): Number of indices ({indices.size}) should be equal to "
            f"source.size(dim) ({count})"
        )
    n = x.shape[axis] if x.ndim else 1
    check_places(indices, axis, n, IndexError, "index_copy_(): ")


def put_rows(x: Array, axis: int, indices: Array, values: Array) -> Array:
    """A copy of x with the values at these places of a dimension; the last one stays."""
    whole = with_dimension(x)
    shape = (*whole.shape[:axis], indices.size, *whole.shape[axis + 1 :])
    places = [indices if i == axis else None for i in range(whole.ndim)]
    spread = values if values.shape == shape else kernels.broadcast_to(values, shape)
    return kernels.index_put(whole, places, spread).reshape(x.shape)


class IndexFillBackward0(RowsNode):
    """Of x.index_fill(dim, index, number)"""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        (indices,) = self.saved_arrays()
        return (fill_rows(grad, self.axis, indices, 0),)


class IndexFillBackward1(RowsNode):
    """Of x.index_fill(dim, index, a tensor of 0 dimensions)"""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        (indices,) = self.saved_arrays()
        own = fill_rows(grad, self.axis, indices, 0)
        array = array_of(grad)
        filled = kernels.full(array.shape, False, np.dtype(bool), array)
        filled = fill_rows(filled, self.axis, indices, True)
        condition = constant_like(filled, grad)
        return own, sum(where(condition, grad, 0))


def fill_rows(x: Either, axis: int, indices: Array, value: float) -> Either:
    """x with a number at these places of a dimension."""
    array = array_of(x)
    number = kernels.full((), value, array.dtype, array)
    result = put_rows(array, axis, indices, number)
    if type(x) not in TENSORS:
        return result
    return record(IndexFillBackward0, result, (x,), (indices,), axis=axis)


@typed
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """input with a number, or a tensor of 0 dimensions, at the places of `dim` that index names."""
    x = input.array
    axis = axis_of(dim, x.ndim)
    if index.array.dtype != np.int64:
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    if index.array.ndim > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    kernels.check_one_device((x, index.array))
    indices = in_bounds(index.array.reshape(-1), axis, x.shape[axis] if x.ndim else 1)
    if type(value) in NUMBERS:
        filled: Tensor = fill_rows(input, axis, indices, fitting(value, x.dtype))
        return filled
    if type(value) not in TENSORS:
        raise TypeError(
            "index_fill(): argument 'value' (position 3) must be Number or Tensor, not "
            f"{type(value).__name__}"
        )
    if value.array.ndim:
        raise RuntimeError(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.array.ndim} dimension(s)."
        )
    number = value.to(input.device, input.dtype)
    result = put_rows(x, axis, indices, number.array)
    return record(IndexFillBackward1, result, (input, number), (indices,), axis=axis)
