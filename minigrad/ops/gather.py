"""Elements by an index of as many dimensions: gather and scatter, each the other's derivative."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.define import NUMBERS, fitting
from minigrad.ops.either import Either, array_of
from minigrad.ops.index import in_bounds
from minigrad.ops.joining import getitem_of
from minigrad.ops.pointwise import remainder
from minigrad.ops.rows import add_rows
from minigrad.ops.shared_memory import new_zeros, put
from minigrad.ops.view import expand, reshape, view
from minigrad.shapes import axis_of, broadcast_shape
from minigrad.tensor import TENSORS, Tensor, record

Array = Any
Shape = tuple[int, ...]


class AlongNode(Node):
    """Saves the index: writing to it would send gradients elsewhere."""

    __slots__ = ("axis", "input_shape")
    saved_names = ("index",)
    axis: int
    input_shape: Shape

    @property
    def index(self) -> Array:
        return self.saved_arrays()[0]


class GatherBackward0(AlongNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (add_along(grad, self.index, self.axis, self.input_shape),)


class AddAlongBackward0(AlongNode):
    """The derivative of gather's derivative: gather."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (gather_at(grad, self.axis, self.index),)


class ScatterBackward1(AlongNode):
    """Of x.scatter(dim, index, number): no gradient where the number went."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (fill_at(grad, self.axis, self.index, 0),)


class ScatterBackward0(AlongNode):
    """Of x.scatter(dim, index, src)."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        own = fill_at(grad, self.axis, self.index, 0)
        return own, fit(gather_at(grad, self.axis, self.index), self.input_shape)


class ScatterAddBackward0(AlongNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return grad, fit(gather_at(grad, self.axis, self.index), self.input_shape)


class NotImplementedNode(Node):
    """What torch has no derivative of, and calls NotImplemented."""

    __slots__ = ()

    def name(self) -> str:
        return "NotImplemented"

    def vjp(self, grad: Either) -> Any:
        raise RuntimeError(
            "derivative for aten::scatter is not implemented where reduce= is given. scatter_add "
            "and scatter_reduce have derivatives."
        )


def gather_at(x: Either, axis: int, index: Array) -> Either:
    """x[..., index[..., i, ...], ...]"""
    if type(x) not in TENSORS:
        return kernels.gather(x, index, axis)
    result = kernels.gather(x.array, index, axis)
    shape = x.array.shape
    return record(GatherBackward0, result, (x,), (index,), axis=axis, input_shape=shape)


def add_along(grad: Either, index: Array, axis: int, shape: Shape) -> Either:
    """Zeros of `shape`, with `grad` added where gather_at would read."""
    if type(grad) not in TENSORS:
        return kernels.add_along(shape, index, grad, axis)
    result = kernels.add_along(shape, index, grad.array, axis)
    return record(AddAlongBackward0, result, (grad,), (index,), axis=axis)


def fill_at(x: Either, axis: int, index: Array, value: float) -> Either:
    """x with a number where gather_at would read."""
    array = array_of(x)
    values = kernels.full(index.shape, value, array.dtype, index)
    result = kernels.scatter(array, index, values, axis, "put")
    if type(x) not in TENSORS:
        return result
    return record(ScatterBackward1, result, (x,), (index,), axis=axis)


def fit(grad: Either, shape: Shape) -> Either:
    """The gradient of a source that is larger than the index: zeros for what was not read."""
    array = array_of(grad)
    if array.shape == shape:
        return grad
    if not array.size:
        return new_zeros(grad, shape)
    if array.ndim != len(shape):
        return reshape(grad, shape)  # of one place, with and without a dimension
    return put(new_zeros(grad, shape), grad, partial(getitem_of, tuple(map(slice, array.shape))))


# ----------------------------------------------------------------------------------- the arguments


def index_of(name: str, x: Array, index: Any, axis: int) -> Array:
    """An index array of int64, with as many dimensions as x and nowhere larger beside the axis."""
    found = int64_index(name, index)
    if not found.size:
        return found
    if max(found.ndim, 1) != max(x.ndim, 1):
        raise RuntimeError(
            "Index tensor must have the same number of dimensions as input tensor"
            if name == "gather"
            else "Index tensor must have the same number of dimensions as self tensor"
        )
    sizes = zip(found.shape, x.shape, strict=False)
    if any(n > m for i, (n, m) in enumerate(sizes) if i != axis):
        raise RuntimeError(size_mismatch(name, x.shape, found.shape, axis))
    kernels.check_one_device((x, found))
    return found


def size_mismatch(name: str, shape: Shape, index: Shape, axis: int) -> str:
    if name != "gather":
        return (
            f"Expected index {list(index)} to be no larger than self {list(shape)} apart from "
            f"dimension {axis}"
        )
    wrong = next(i for i, n in enumerate(index) if i != axis and n > shape[i])
    return (
        f"Size does not match at dimension {wrong} expected index {list(index)} to be no larger "
        f"than self {list(shape)} apart from dimension {axis}"
    )


def int64_index(name: str, index: Any) -> Array:
    array = index.array
    if array.dtype.kind != "i" or array.dtype.itemsize < 4:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    return array.astype(np.int64, copy=False)


def source_of(name: str, x: Array, index: Array, src: Any, axis: int) -> Tensor:
    """What is scattered: a Tensor of x's dtype that is nowhere smaller than the index."""
    if type(src) not in TENSORS:
        raise TypeError(
            f"{name}(): argument 'src' (position 3) must be Tensor, not {type(src).__name__}"
        )
    array = src.array
    if array.dtype != x.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    if not index.size:
        return src
    if max(array.ndim, 1) != max(index.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    if any(n > m for n, m in zip(index.shape, array.shape, strict=False)):
        raise RuntimeError(
            f"Expected index {list(index.shape)} to be no larger than self {list(x.shape)} apart "
            f"from dimension {axis} and to be no larger size than src {list(array.shape)}"
        )
    kernels.check_one_device((x, array))
    return src


# --------------------------------------------------------------------------------------- operations


@typed
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on: one place of `dim` for each element
    of the index."""
    if sparse_grad:
        raise NotImplementedError("gather(): sparse_grad=True is not supported")
    axis = axis_of(dim, input.array.ndim)
    result: Tensor = gather_at(input, axis, index_of("gather", input.array, index, axis))
    return result


REDUCTIONS = {"add": "sum", "multiply": "prod"}


@typed
def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> Tensor:
    """input with out[index[i][j]][j] = src[i][j] for dim 0, and so on: gather's inverse.

    src: a Tensor or a number.  reduce: "add" or "multiply" instead of replacing, without a
    derivative, as in torch: scatter_add and scatter_reduce have one.
    """
    if src is not None and value is not None:
        raise TypeError("scatter() takes one of the arguments 'src' and 'value', not both")
    src = value if src is None else src
    if reduce is not None and reduce not in REDUCTIONS:
        raise RuntimeError("reduce argument must be either add or multiply.")
    x = input.array
    axis = axis_of(dim, x.ndim)
    places = index_of("scatter", x, index, axis)
    if type(src) in NUMBERS:
        return scatter_number(input, axis, places, src, reduce)
    source = source_of("scatter", x, places, src, axis)
    mode = "put" if reduce is None else REDUCTIONS[reduce]
    result = kernels.scatter(x, places, source.array, axis, mode)
    if reduce is not None:
        return record(NotImplementedNode, result, (input, source))
    details = {"axis": axis, "input_shape": source.array.shape}
    return record(ScatterBackward0, result, (input, source), (places,), **details)


def scatter_number(
    input: Tensor, axis: int, places: Array, value: float, reduce: str | None
) -> Tensor:
    number = fitting(value, input.array.dtype)
    if reduce is None:
        filled: Tensor = fill_at(input, axis, places, number)
        return filled
    values = kernels.full(places.shape, number, input.array.dtype, places)
    result = kernels.scatter(input.array, places, values, axis, REDUCTIONS[reduce])
    return record(NotImplementedNode, result, (input,))


@typed
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """input with src[i][j] added at [index[i][j]][j] for dim 0, and so on.

    On a GPU sums are made in any order, so that the last digit may differ from run to run.
    """
    x = input.array
    axis = axis_of(dim, x.ndim)
    places = index_of("scatter_add", x, index, axis)
    source = source_of("scatter_add", x, places, src, axis)
    result = kernels.scatter(x, places, source.array, axis, "sum")
    details = {"axis": axis, "input_shape": source.array.shape}
    return record(ScatterAddBackward0, result, (input, source), (places,), **details)


# ---------------------------------------------------------------------------------- made of gather


class TakeBackward0(Node):
    __slots__ = ("input_shape",)
    saved_names = ("index",)
    input_shape: Shape

    def vjp(self, grad: Either) -> Any:
        (index,) = self.saved_arrays()
        size = math.prod(self.input_shape)
        return (reshape(add_rows(grad, index, 0, (size,)), self.input_shape),)


@typed
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements that `index` numbers, in its shape, as if input had one dimension."""
    if index.array.dtype != np.int64:
        raise RuntimeError(
            f"take(): Expected a long tensor for index, but got {type_name(index.array.dtype)}"
        )
    size = input.array.size
    kernels.check_one_device((input.array, index.array))
    if not size and index.array.size:
        raise IndexError("take(): tried to take from an empty tensor")
    try:
        places = in_bounds(index.array, 0, size)
    except IndexError as error:
        wrong = str(error).split()[1]
        raise IndexError(
            f"out of range: tried to access index {wrong} on a tensor of {size} elements."
        ) from None
    result = kernels.take_rows(input.array.reshape(-1), places, 0)
    return record(TakeBackward0, result, (input,), (places,), input_shape=input.array.shape)


@typed
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """gather() with input and indices broadcast beside `dim`, where an index counts on from the
    other end (modulo the size, as in torch); of the flat input for None."""
    if indices.array.dtype not in (np.int32, np.int64):
        raise RuntimeError(
            "torch.take_along_dim(): dtype of indices should be Long but got "
            f"{type_name(indices.array.dtype)}"
        )
    if dim is None:
        return gather(view(input, -1), 0, view(indices, -1))
    if input.array.ndim != indices.array.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of "
            f"dimensions, but got {input.array.ndim} dimensions for input, and "
            f"{indices.array.ndim} dimensions for indices"
        )
    axis = axis_of(dim, input.array.ndim)
    shapes = [list(x.array.shape) for x in (input, indices)]
    sizes = [shape.pop(axis) for shape in shapes]
    common = broadcast_shape(*shapes)
    along = [(*common[:axis], size, *common[axis:]) for size in sizes]
    around = remainder(indices, sizes[0]) if sizes[0] else indices
    return gather(expand(input, along[0]), axis, expand(around, along[1]))
