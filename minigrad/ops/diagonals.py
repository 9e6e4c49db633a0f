"""Diagonals and triangles of matrices."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes, kernels
from minigrad.formats import check_usual
from minigrad.kernels.promotion import promote
from minigrad.node import LinearNode, Node
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either, array_of
from minigrad.ops.move import to_device_array
from minigrad.ops.shared_memory import ViewNode, new_zeros, view_of
from minigrad.ops.view import contiguous, narrow, reshape, view
from minigrad.shapes import axis_of
from minigrad.tensor import TENSORS, Tensor, constant, record

Array = Any

# --------------------------------------------------------------------------------------- diagonals


class DiagonalBackward0(ViewNode):
    __slots__ = ()


def plane(ndim: int, dim1: int, dim2: int) -> tuple[int, int]:
    """The two dimensions in which a diagonal lies."""
    a, b = axis_of(dim1, ndim), axis_of(dim2, ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return a, b


@typed
def diagonal(input: Either, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Either:
    """The diagonals of the matrices in two dimensions, as a last dimension.  A positive offset
    names one above the main diagonal, a negative one below."""
    array = array_of(input)
    a, b = plane(array.ndim, dim1, dim2)
    shown = diagonal_of(array, offset, a, b)
    if type(input) not in TENSORS:
        return shown

    def replay(whole: Either) -> Either:
        return diagonal(whole, offset, a, b)

    details = {"input_shape": array.shape, "show": replay}
    return view_of(input, DiagonalBackward0, replay, shown, **details)


def diagonal_of(array: Array, offset: int, a: int, b: int) -> Array:
    shape, steps = array.shape, array.strides
    above, below = max(offset, 0), max(-offset, 0)
    length = max(min(shape[a] - below, shape[b] - above), 0)
    shift = below * steps[a] + above * steps[b] if length else 0
    others = [i for i in range(array.ndim) if i not in (a, b)]
    new_shape = (*[shape[i] for i in others], length)
    new_steps = (*[steps[i] for i in others], steps[a] + steps[b])
    return kernels.as_strided(array, new_shape, new_steps, shift)


class DiagonalCopyBackward(ViewNode):
    """The diagonal as a tensor of its own."""

    __slots__ = ()


DiagonalCopyBackward.__name__ = "DiagonalBackward0_copy"  # as torch calls it


@typed
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix; of a vector, the matrix that has it as its diagonal."""
    if input.array.ndim == 1:
        return diag_embed(input, diagonal)
    if input.array.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.array.ndim}D")

    def replay(whole: Either) -> Either:
        return of_matrix(whole, diagonal)

    copy = diagonal_of(input.array, diagonal, 0, 1).copy()
    details = {"input_shape": input.array.shape, "show": replay}
    return record(DiagonalCopyBackward, copy, (input,), **details)


def of_matrix(x: Either, offset: int) -> Either:
    return diagonal(x, offset)


class DiagEmbedBackward0(LinearNode):
    __slots__ = ("place",)
    place: tuple[int, int, int]  # the offset and the two dimensions

    def vjp(self, grad: Either) -> Any:
        return (diagonal(grad, *self.place),)

    def jvp(self, tangent: Either) -> Either:
        return diag_embed(tangent, *self.place)


@typed
def diag_embed(input: Either, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Either:
    """Zeros, in which the last dimension is the diagonal of two new ones."""
    array = array_of(input)
    a, b = plane(array.ndim + 1, dim1, dim2)
    if type(input) not in TENSORS:
        size = array.shape[-1] + abs(offset)
        shape = list(array.shape[:-1])
        for axis in sorted((a, b)):
            shape.insert(axis, size)
        result = new_zeros(array, tuple(shape))
        diagonal_of(result, offset, a, b)[...] = array
        return result
    result = diag_embed(array, offset, a, b)
    return record(DiagEmbedBackward0, result, (input,), place=(offset, a, b))


@typed
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with all elements on a diagonal."""
    return diag_embed(view(contiguous(input), (input.array.size,)), offset)


# --------------------------------------------------------------------------------------- triangles


class TriangleNode(LinearNode):
    __slots__ = ("offset",)
    offset: int


class TrilBackward0(TriangleNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (tril(grad, self.offset),)

    def jvp(self, tangent: Either) -> Either:
        return tril(tangent, self.offset)


class TriuBackward0(TriangleNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (triu(grad, self.offset),)

    def jvp(self, tangent: Either) -> Either:
        return triu(tangent, self.offset)


@typed
def tril(input: Either, diagonal: int = 0) -> Either:
    """The lower triangles of matrices, up to a diagonal; zeros above."""
    if type(input) not in TENSORS:
        return kernels.tril(input, diagonal)
    check_triangle("tril", input, diagonal)
    result = kernels.tril(input.array, diagonal)
    return record(TrilBackward0, result, (input,), offset=diagonal)


@typed
def triu(input: Either, diagonal: int = 0) -> Either:
    """The upper triangles of matrices, from a diagonal on; zeros below."""
    if type(input) not in TENSORS:
        return kernels.triu(input, diagonal)
    check_triangle("triu", input, diagonal)
    result = kernels.triu(input.array, diagonal)
    return record(TriuBackward0, result, (input,), offset=diagonal)


def check_triangle(name: str, x: Tensor, diagonal: Any) -> None:
    if x.array.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")


@typed
def tril_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    pin_memory: Any = False,
) -> Tensor:
    """The places of a lower triangle: (2, count), rows and columns."""
    check_usual("tril_indices", layout, pin_memory)
    return places_in("tril_indices", row, col, dtype, device, stops=offset + 1)


@typed
def triu_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    pin_memory: Any = False,
) -> Tensor:
    """The places of an upper triangle: (2, count), rows and columns."""
    check_usual("triu_indices", layout, pin_memory)
    return places_in("triu_indices", row, col, dtype, device, starts=offset)


def places_in(
    name: str,
    row: int,
    col: int,
    dtype: Any,
    device: Any,
    starts: int | None = None,
    stops: int | None = None,
) -> Tensor:
    """The places of a part of each row that begins or ends at a diagonal."""
    for what, n in (("row", row), ("col", col)):
        if n < 0:
            raise RuntimeError(f"{what} must be non-negative, got{n}")
    wanted = np.dtype(np.int64) if dtype is None else dtypes.to_numpy(dtype)
    if wanted.kind != "i":
        raise dtypes.not_implemented(name, wanted)
    rows = np.arange(row)
    first = rows * 0 if starts is None else np.clip(rows + starts, 0, col)
    last = rows * 0 + col if stops is None else np.clip(rows + stops, 0, col)
    array = np.empty((2, (last - first).sum()), wanted)
    array[0], array[1] = np.repeat(rows, last - first), counted_from(first, last - first)
    return constant(to_device_array(array, device))


def counted_from(starts: Array, counts: Array) -> Array:
    """counts[0] numbers from starts[0] on, then counts[1] from starts[1] on, and so on."""
    before = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + np.repeat(starts - before, counts)


# ----------------------------------------------------------------------------------- block diagonal


class BlockDiagBackward0(Node):
    __slots__ = ("sizes",)
    sizes: list[tuple[int, ...]]

    def vjp(self, grad: Either) -> Any:
        row = column = 0
        grads = []
        for shape in self.sizes:
            rows, columns = as_block(shape)
            block = narrow(narrow(grad, 0, row, rows), 1, column, columns)
            grads.append(reshape(block, shape))
            row, column = row + rows, column + columns
        return grads


def as_block(shape: tuple[int, ...]) -> tuple[int, int]:
    """The rows and columns that a tensor of up to 2 dimensions fills."""
    rows, columns = (1, 1, *shape)[-2:]
    return rows, columns


def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix of zeros, with matrices (vectors are rows, numbers 1 x 1) along its diagonal."""
    for number, x in enumerate(tensors):
        if type(x) not in TENSORS:
            raise TypeError(
                f"expected Tensor as element {number} in argument 0, but got {type(x).__name__}"
            )
        if x.array.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                f"{number} has {x.array.ndim} dimensions"
            )
    if not tensors:
        return constant(np.zeros((1, 0), dtypes.get_default_dtype().numpy))
    arrays = [x.array for x in tensors]
    sizes = [array.shape for array in arrays]
    return record(BlockDiagBackward0, blocks(arrays), tensors, sizes=sizes)


def blocks(arrays: Sequence[Array]) -> Array:
    """Zeros, with each block written in its place."""
    shapes = [as_block(array.shape) for array in arrays]
    kernels.check_one_device(arrays)
    dtype = functools.reduce(promote, [array.dtype for array in arrays])
    result = new_zeros(arrays[0], tuple(map(sum, zip(*shapes, strict=True))), dtype)
    row = column = 0
    for array, (rows, columns) in zip(arrays, shapes, strict=True):
        if not kernels.may_hold(result, array):
            result = kernels.spread_over_samples(result, result, array)
        block = array.reshape((rows, columns)).astype(dtype, copy=False)
        result[row : row + rows, column : column + columns] = block
        row, column = row + rows, column + columns
    return result
