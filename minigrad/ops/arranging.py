"""Elements in another order, and repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.formats import contiguous_format
from minigrad.node import LinearNode, Node
from minigrad.ops.arguments import ALL, Dims, Ints, typed
from minigrad.ops.either import Either
from minigrad.ops.reduction import sum
from minigrad.ops.rows import index_select
from minigrad.ops.spelling import numpy_names
from minigrad.ops.view import clone, expand, flatten, reshape, swapped, unsqueeze
from minigrad.shapes import axis_of, check_distinct, int_of, shape_argument, sizes_of
from minigrad.tensor import TENSORS, Tensor, constant, record

Array = Any

# ----------------------------------------------------------------------------- reversed and rotated


class FlipBackward0(LinearNode):
    __slots__ = ("axes",)
    axes: tuple[int, ...]

    def vjp(self, grad: Either) -> Any:
        return (flip(grad, self.axes),)

    def jvp(self, tangent: Either) -> Either:
        return flip(tangent, self.axes)


@typed
def flip(input: Either, *order: Any, dims: Any = None) -> Either:
    """The elements in reverse order along `dims`."""
    if type(input) not in TENSORS:
        return kernels.reversed_along(input, order[0])
    axes = tuple(axis_of(d, input.array.ndim) for d in sizes_of("flip", "dims", order, dims))
    check_distinct(axes)
    axes = axes if input.array.ndim else ()
    return record(FlipBackward0, kernels.reversed_along(input.array, axes), (input,), axes=axes)


@typed
def fliplr(input: Tensor) -> Tensor:
    """The columns in reverse order."""
    if input.array.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@typed
def flipud(input: Tensor) -> Tensor:
    """The rows in reverse order."""
    if input.array.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


class Rot90Backward0(LinearNode):
    __slots__ = ("dims", "k")
    dims: tuple[int, int]
    k: int

    def vjp(self, grad: Either) -> Any:
        return (rot90(grad, -self.k, self.dims),)

    def jvp(self, tangent: Either) -> Either:
        return rot90(tangent, self.k, self.dims)


@typed
def rot90(input: Either, k: int = 1, dims: Sequence[int] = (0, 1)) -> Either:
    """Turned by k quarters in the plane of two dimensions, from the first to the second."""
    if type(input) not in TENSORS:
        return turned(input, k, *dims)
    dims, ndim = shape_argument((dims,)), input.array.ndim
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {ndim}")
    a, b = (axis_of(d, ndim) for d in dims)
    if a == b:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    return record(Rot90Backward0, turned(input.array, k, a, b), (input,), k=k, dims=(a, b))


def turned(array: Array, k: int, a: int, b: int) -> Array:
    if k % 4 == 0:
        return array.copy()
    if k % 4 == 2:
        return kernels.reversed_along(array, (a, b))
    backwards = b if k % 4 == 1 else a
    return kernels.reversed_along(array, (backwards,)).transpose(swapped(array.ndim, a, b))


# ------------------------------------------------------------------------------------------- rolled


class RollBackward0(LinearNode):
    __slots__ = ("axes", "shifts")
    axes: tuple[int, ...]
    shifts: tuple[int, ...]

    def vjp(self, grad: Either) -> Any:
        return (roll(grad, tuple(-shift for shift in self.shifts), self.axes),)

    def jvp(self, tangent: Either) -> Either:
        return roll(tangent, self.shifts, self.axes)


@typed
def roll(input: Either, shifts: Ints, dims: Dims = None) -> Either:
    """Moved along `dims`; what leaves at one end comes in at the other.  Without dims, the
    flattened elements are."""
    if type(input) not in TENSORS:
        return rolled(input, shifts, dims)
    shifts, ndim = shape_argument((shifts,)), input.array.ndim
    dims = () if dims is None else shape_argument((dims,))
    if len(shifts) != (len(dims) or 1):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
        )
    if dims and not ndim:
        raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
    if not input.array.size:  # as in torch, whatever the dimensions
        shifts, dims = (0,), ()
    axes = tuple(axis_of(d, ndim) for d in dims)
    details = {"shifts": shifts, "axes": axes}
    return record(RollBackward0, rolled(input.array, shifts, axes), (input,), **details)


def rolled(array: Array, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    if not axes:
        return rolled(array.reshape((array.size,)), shifts, (0,)).reshape(array.shape)
    for shift, axis in zip(shifts, axes, strict=True):
        n, before = array.shape[axis], (slice(None),) * axis
        start = n - shift % n if n else 0
        halves = [array[(*before, slice(start, None))], array[(*before, slice(0, start))]]
        array = kernels.concatenate(halves, axis)
    return array


# ----------------------------------------------------------------------------------------- repeated


class RepeatBackward0(Node):
    __slots__ = ("input_shape", "repeats")
    input_shape: tuple[int, ...]
    repeats: tuple[int, ...]

    def vjp(self, grad: Either) -> Any:
        pairs = zip(self.repeats, with_ones(self.input_shape, len(self.repeats)), strict=True)
        blocks = reshape(grad, tuple(n for pair in pairs for n in pair))
        total = sum(blocks, tuple(range(0, 2 * len(self.repeats), 2))) if self.repeats else blocks
        return (reshape(total, self.input_shape),)


def with_ones(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """A shape with sizes of 1 in front, up to `ndim` dimensions."""
    return (1,) * (ndim - len(shape)) + tuple(shape)


@typed
def repeat(input: Tensor, *sizes: Any, repeats: Any = None) -> Tensor:
    """The whole tensor so many times along each dimension (and along new ones in front)."""
    times = sizes_of("repeat", "repeats", sizes, repeats)
    array = input.array
    if len(times) < array.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    shape = with_ones(array.shape, len(times))
    wanted = tuple(a * b for a, b in zip(times, shape, strict=True))
    if min(times, default=0) < 0:
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(wanted)}: {list(wanted)}"
        )
    details = {"repeats": times, "input_shape": array.shape}
    return record(RepeatBackward0, repeated(array, times, shape, wanted), (input,), **details)


def repeated(
    array: Array, times: tuple[int, ...], shape: tuple[int, ...], wanted: tuple[int, ...]
) -> Array:
    """Stretched along new dimensions (times, size, times, size, ...), which are then joined."""
    stretched = tuple(n for pair in zip(times, shape, strict=True) for n in pair)
    single = tuple(n for size in shape for n in (1, size))
    result = kernels.broadcast_to(array.reshape(single), stretched)
    return kernels.copied(result).reshape(wanted)


@typed
def tile(input: Tensor, *sizes: Any, dims: Any = None) -> Tensor:
    """repeat, where dimensions that are not mentioned stay as they are."""
    return repeat(input, with_ones(sizes_of("tile", "dims", sizes, dims), input.array.ndim))


@numpy_names
def repeat_interleave(
    input: Tensor,
    repeats: int | Tensor = ALL,
    dim: int | None = None,
    *,
    output_size: int | None = None,
) -> Tensor:
    """Each element (or place of `dim`) so many times, one after the other: the same number for all,
    or a tensor of numbers.  Without `repeats`, the places that `input` numbers."""
    if repeats is None:
        return constant(places_repeated(input, output_size))
    if not isinstance(repeats, Tensor):
        return each_repeated(input, int_of("repeats", repeats), dim, output_size)
    x, axis = (flatten(input), 0) if dim is None else (input, axis_of(dim, input.array.ndim))
    if not x.array.ndim:
        raise IndexError(
            f"repeat_interleave(): Dimension specified as {dim} but tensor has no dimensions"
        )
    n = x.array.shape[axis]
    counts = repeats
    if repeats.array.size == 1 and repeats.array.ndim <= 1:
        counts = expand(reshape(repeats, (1,)), (n,))
    elif repeats.array.ndim == 1 and repeats.array.size != n:
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{repeats.array.size} and input.size({axis}) = {n}"
        )
    kernels.check_one_device((x.array, repeats.array))
    return index_select(x, axis, constant(places_repeated(counts, output_size)))


def each_repeated(x: Tensor, times: int, dim: int | None, output_size: int | None) -> Tensor:
    if times < 0:
        raise RuntimeError("Repeats must be non-negative")
    x, axis = (flatten(x), 0) if dim is None else (x, axis_of(dim, x.array.ndim))
    shape = x.array.shape
    if not shape:
        raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got 1)")
    if output_size is not None and output_size != shape[axis] * times:
        raise RuntimeError(
            f"repeat_interleave: Invalid output_size, expected {shape[axis] * times} but got "
            f"{output_size}"
        )
    spread = expand(unsqueeze(x, axis + 1), (*shape[: axis + 1], times, *shape[axis + 1 :]))
    return flatten(clone(spread, memory_format=contiguous_format), axis, axis + 1)


def places_repeated(repeats: Tensor, output_size: int | None) -> Array:
    """0 as often as repeats[0] says, 1 as often as repeats[1], and so on."""
    array = repeats.array
    if array.ndim != 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if array.dtype not in (np.int32, np.int64):
        raise NotImplementedError(
            f'"repeat_interleave" not implemented for {repeats.dtype}: repeats are int32 or int64'
        )
    return kernels.repeat_places(array, -1 if output_size is None else output_size)
