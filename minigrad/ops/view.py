"""Views by operation: other shapes, dimensions moved, parts; and copies.

What a view remembers is in ops/shared_memory.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes, kernels
from minigrad.formats import check_format, contiguous_format, preserve_format
from minigrad.node import NO_EDGE, LinearNode, Node
from minigrad.ops.arguments import ALL, Ints, typed
from minigrad.ops.either import Either
from minigrad.ops.shared_memory import ViewNode, allow_writes, stretched_axes, view_edge, view_of
from minigrad.ops.spelling import numpy_names
from minigrad.shapes import (
    axis_of,
    broadcast_shape,
    check_distinct,
    infer,
    inverse,
    shape_argument,
    sizes_of,
)
from minigrad.tensor import TENSORS, Tensor, constant, record
from minigrad.values import Size

Array = Any


# ------------------------------------------------------------------------------- other shapes


class ReshapeNode(LinearNode):
    __slots__ = ("input_shape",)
    input_shape: tuple[int, ...]

    def vjp(self, grad: Either) -> Any:
        return (reshape(grad, self.input_shape),)

    def jvp(self, tangent: Either) -> Either:
        return reshape(tangent, self.shape)


class ViewBackward0(ReshapeNode):
    __slots__ = ()


class UnsafeViewBackward0(ReshapeNode):
    __slots__ = ()


class ReshapeAliasBackward0(ReshapeNode):
    __slots__ = ()


class UnsqueezeBackward0(ReshapeNode):
    __slots__ = ()


class UnsqueezeBackward1(ReshapeNode):
    __slots__ = ()


class SqueezeBackward0(ReshapeNode):
    __slots__ = ()


class SqueezeBackward1(ReshapeNode):
    __slots__ = ()


class SqueezeBackward2(ReshapeNode):
    __slots__ = ()


class SqueezeBackward3(ReshapeNode):
    __slots__ = ()


class SqueezeBackward4(ReshapeNode):
    __slots__ = ()


class SqueezeBackward5(ReshapeNode):
    __slots__ = ()


class AliasBackward0(ReshapeNode):
    __slots__ = ()


def as_shape(x: Tensor, shape: tuple[int, ...], node_type: type[Node], array: Array) -> Tensor:
    return view_of(
        x, node_type, lambda whole: reshape(whole, shape), array, input_shape=x.array.shape
    )


def shares_memory(array: Array, x: Array) -> bool:
    return array.size == 0 or bool(kernels.may_share_memory(array, x))


def reshape(input: Either, *sizes: Any, shape: Any = None) -> Either:
    """The same elements in another shape: a view where that is possible, else a copy."""
    if type(input) not in TENSORS:
        return input.reshape(sizes[0] if len(sizes) == 1 else sizes)
    shape = infer(sizes_of("reshape", "shape", sizes, shape), input.array.size)
    array = input.array.reshape(shape)
    if input.array.flags.c_contiguous:
        return as_shape(input, shape, ViewBackward0, array)
    if shares_memory(array, input.array):
        return as_shape(input, shape, ReshapeAliasBackward0, array)
    copy = record(CloneBackward0, array.reshape(input.array.shape), (input,))
    return record(UnsafeViewBackward0, array, (copy,), input_shape=input.array.shape)


def view(x: Tensor, *sizes: Any, size: Any = None, dtype: Any = None) -> Tensor:
    """The same memory in another shape, or (a dtype given) read as other numbers.  RuntimeError
    where that needs a copy."""
    if dtype is not None or (len(sizes) == 1 and isinstance(sizes[0], dtypes.dtype)):
        return view_of_bits(x, *sizes) if dtype is None else view_of_bits(x, dtype)
    shape = infer(sizes_of("view", "size", sizes, size), x.array.size)
    array = x.array.reshape(shape)
    if not shares_memory(array, x.array):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return as_shape(x, shape, ViewBackward0, array)


def view_of_bits(x: Tensor, dtype: dtypes.dtype) -> Tensor:
    """The same memory, its bits read as another dtype.  No gradient flows through that."""
    if type(x.array) is not np.ndarray:
        raise kernels.no_kernel("view(dtype)")
    try:
        array = x.array.view(dtype.numpy)
    except (ValueError, TypeError) as error:
        raise RuntimeError(f"self cannot be viewed as {dtype}: {error}") from None
    out = constant(array)
    out.edge = view_edge(x, lambda whole: whole.view(dtype.numpy), NO_EDGE)
    return out


class Variable(ViewBackward0):
    """The view of a tensor that has a history already, as a variable of a transform."""

    __slots__ = ()
    is_variable = True

    def name(self) -> str:
        return "ViewBackward0"


def as_variable(x: Tensor) -> Tensor:
    """x.view_as(x), whose gradient is wanted even if that of x is not."""
    return as_shape(x, x.array.shape, Variable, x.array)


@typed
def view_as(x: Tensor, other: Tensor) -> Tensor:
    """The same memory in the shape of another tensor."""
    return view(x, other.array.shape)


@typed
def reshape_as(x: Tensor, other: Tensor) -> Tensor:
    """The same elements in the shape of another tensor."""
    return reshape(x, other.array.shape)


def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension."""
    return view(contiguous(input), (-1,))


@typed
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the dimensions from start_dim to end_dim."""
    shape = input.array.shape or (1,)
    first, last = axis_of(start_dim, len(shape)), axis_of(end_dim, len(shape))
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last and input.array.ndim:
        return input
    return reshape(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


@numpy_names
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split one dimension into several."""
    axis = axis_of(dim, input.array.ndim)
    shape, sizes = input.array.shape, shape_argument(tuple(sizes))
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    if not shape:
        raise RuntimeError("unflatten: Dimension specified as 0 but tensor has no dimensions")
    try:
        parts = infer(sizes, shape[axis])
    except RuntimeError as error:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {axis} "
            f"({shape[axis]}) in the input tensor: {error}"
        ) from None
    return view(input, (*shape[:axis], *parts, *shape[axis + 1 :]))


@numpy_names
def unsqueeze(input: Either, dim: int) -> Either:
    """A new dimension of size 1."""
    array = input.array if type(input) in TENSORS else input
    axis = axis_of(dim, array.ndim + 1)
    shape = (*array.shape[:axis], 1, *array.shape[axis:])
    if type(input) not in TENSORS:
        return input.reshape(shape)
    return as_shape(input, shape, UnsqueezeBackward0, array.reshape(shape))


def unsqueeze_axes(x: Either, axes: Sequence[int]) -> Either:
    """Dimensions of size 1 put back where a reduction took them away."""
    shape = list(x.array.shape if type(x) in TENSORS else x.shape)
    for axis in axes:
        shape.insert(axis, 1)
    return reshape(x, tuple(shape))


@numpy_names
def squeeze(input: Tensor, dim: Ints = ALL) -> Tensor:
    """Without the dimensions of size 1 (those named by `dim`, if it is given)."""
    shape = input.array.shape
    node_type: type[Node]
    if dim is None:
        axes, node_type = set(range(len(shape))), SqueezeBackward0
    elif isinstance(dim, tuple | list):
        check_distinct([axis_of(d, len(shape)) for d in dim])
        axes, node_type = {axis_of(d, len(shape)) for d in dim}, SqueezeBackward2
    else:
        axes, node_type = {axis_of(dim, len(shape))}, SqueezeBackward1
    kept = tuple(n for i, n in enumerate(shape) if n != 1 or i not in axes)
    return as_shape(input, kept, node_type, input.array.reshape(kept))


# --------------------------------------------------------------------------- dimensions moved


class PermuteNode(LinearNode):
    __slots__ = ("inverse",)
    inverse: tuple[int, ...]

    def vjp(self, grad: Either) -> Any:
        return (permute(grad, self.inverse),)

    def jvp(self, tangent: Either) -> Either:
        return permute(tangent, inverse(self.inverse))


class PermuteBackward0(PermuteNode):
    __slots__ = ()


class TransposeBackward0(PermuteNode):
    __slots__ = ()


class TransposeBackward1(PermuteNode):
    __slots__ = ()


class TBackward0(PermuteNode):
    __slots__ = ()


class TBackward1(PermuteNode):
    __slots__ = ()


def permute(input: Either, *order: Any, dims: Any = None) -> Either:
    """The dimensions in another order."""
    if type(input) not in TENSORS:
        return input.transpose(*order)
    order = sizes_of("permute", "dims", order, dims)
    array = input.array
    if len(order) != array.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {array.ndim} is "
            f"not equal to len(dims) = {len(order)}"
        )
    axes = tuple(axis_of(d, array.ndim) for d in order)
    if sorted(axes) != list(range(array.ndim)):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return permuted(input, axes, PermuteBackward0)


def permuted(x: Tensor, axes: tuple[int, ...], node_type: type[Node]) -> Tensor:
    array = x.array.transpose(axes)
    return view_of(x, node_type, lambda whole: permute(whole, axes), array, inverse=inverse(axes))


def swapped(ndim: int, a: int, b: int) -> tuple[int, ...]:
    axes = list(range(ndim))
    axes[a], axes[b] = axes[b], axes[a]
    return tuple(axes)


def transpose(input: Either, dim0: int, dim1: int) -> Either:
    """Two dimensions exchanged."""
    array = input.array if type(input) in TENSORS else input
    a, b = axis_of(dim0, array.ndim), axis_of(dim1, array.ndim)
    axes = swapped(array.ndim, a, b) if array.ndim else ()
    return (
        permuted(input, axes, TransposeBackward0) if input is not array else input.transpose(axes)
    )


@typed
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Two dimensions exchanged: transpose, in NumPy's words."""
    return transpose(input, axis0, axis1)


@typed
def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged: another name of transpose."""
    return transpose(input, dim0, dim1)


def t(input: Either) -> Either:
    """The transpose of a matrix; a vector stays as it is."""
    if type(input) is np.ndarray:
        return input.T
    array = input.array if type(input) in TENSORS else input
    if array.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {array.ndim}D")
    axes = tuple(reversed(range(array.ndim)))
    return permuted(input, axes, TBackward0) if input is not array else input.transpose(axes)


def reversed_dimensions(x: Tensor) -> Tensor:
    """x.T: the dimensions in reverse order."""
    return permuted(x, tuple(reversed(range(x.array.ndim))), PermuteBackward0)


def matrix_transpose(x: Tensor) -> Tensor:
    """x.mT: the last two dimensions exchanged."""
    return swapped_matrix(x, "mT")


def conjugate_transpose(x: Tensor) -> Tensor:
    """x.H: the transpose of a matrix (and the numbers conjugated: real ones stay)."""
    if x.array.ndim not in (0, 2):
        raise RuntimeError(
            "tensor.H is only supported on matrices (2-D tensors). "
            f"Got {x.array.ndim}-D tensor. For batches of matrices, consider using tensor.mH"
        )
    return transpose(x, 0, 1) if x.array.ndim else x


def conjugate_transposes(x: Tensor) -> Tensor:
    """x.mH: mT (and the numbers conjugated: real ones stay)."""
    return swapped_matrix(x, "mH") if x.array.ndim else x


def adjoint(input: Tensor) -> Tensor:
    """The last two dimensions exchanged (and the numbers conjugated: real ones stay)."""
    return swapped_matrix(input, "adjoint()")


def swapped_matrix(x: Tensor, name: str) -> Tensor:
    if x.array.ndim < 2:
        raise RuntimeError(
            f"tensor.{name} is only supported on matrices or batches of matrices. "
            f"Got {x.array.ndim}-D tensor."
        )
    return transpose(x, -2, -1)


@typed
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Dimensions moved to other places; the rest keep their order."""
    ndim = input.array.ndim
    if isinstance(source, tuple | list) is not isinstance(destination, tuple | list):
        raise TypeError("movedim: source and destination must be two ints or two tuples of ints")
    given, wanted = shape_argument((source,)), shape_argument((destination,))
    if len(given) != len(wanted):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(given)} dims) should "
            f"contain the same number of dims as destination ({list(wanted)} dims)"
        )
    sources, places = ([axis_of(d, ndim) for d in dims] for dims in (given, wanted))
    for name, axes in (("source", sources), ("destination", places)):
        if len(set(axes)) < len(axes):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({axes})")
    if not ndim:
        return input
    order = [axis for axis in range(ndim) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return permute(input, tuple(order))


# -------------------------------------------------------------------------------------- expand


class ExpandBackward0(Node):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (grad,)  # the engine sums over what was stretched


def expand(x: Either, *sizes: Any, size: Any = None) -> Either:
    """Dimensions of size 1 (and new ones in front) stretched, without a copy; -1 keeps a size."""
    if type(x) not in TENSORS:
        shape = sizes[0]
        return x if x.shape == shape else kernels.broadcast_to(x, shape)
    shape = expanded_shape(x.array.shape, sizes_of("expand", "size", sizes, size))
    array = kernels.broadcast_to(x.array, shape)
    if not x.is_cuda and x.array.flags.writeable:
        allow_writes(array)
    return view_of(x, ExpandBackward0, lambda whole: expand(whole, shape), array)


def broadcast_to(input: Tensor, *sizes: Any, size: Any = None) -> Tensor:
    """The tensor stretched to a shape, without a copy: another name of expand."""
    return expand(input, sizes_of("broadcast_to", "size", sizes, size))


@typed
def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All tensors stretched to the one shape that they have as operands of an operation."""
    if not tensors:
        return ()
    shape = broadcast_shape(*[x.array.shape for x in tensors])
    return tuple(x if x.array.shape == shape else expand(x, shape) for x in tensors)


def broadcast_shapes(*shapes: Any) -> Size:
    """The one shape that tensors of these shapes have as operands of an operation."""
    plain = [shape_argument((shape,)) for shape in shapes]
    try:
        return Size(broadcast_shape(*plain)) if plain else Size()
    except RuntimeError as error:
        raise RuntimeError(
            f"Attempting to broadcast shapes that do not fit, {', '.join(map(str, plain))}: {error}"
        ) from None


def expanded_shape(shape: Sequence[int], sizes: tuple[int, ...]) -> tuple[int, ...]:
    extra = len(sizes) - len(shape)
    if extra < 0:
        raise RuntimeError(
            f"expand: the number of sizes provided ({len(sizes)}) must be greater or equal to the "
            f"number of dimensions in the tensor ({len(shape)})"
        )
    result = []
    for place, n in enumerate(sizes):
        old = shape[place - extra] if place >= extra else 1
        if n == -1 and place < extra:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing "
                f"dimension {place}"
            )
        if n < -1:
            raise RuntimeError(f"expand: a size must be -1 or more, but got {n} in {list(sizes)}")
        if n not in (-1, old) and old != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({old}) at "
                f"non-singleton dimension {place}.  Target sizes: {list(sizes)}.  "
                f"Tensor sizes: {list(shape)}"
            )
        result.append(old if n == -1 else n)
    return tuple(result)


@typed
def expand_as(x: Tensor, other: Tensor) -> Tensor:
    """The tensor stretched to the shape of another one."""
    return expand(x, other.array.shape)


# ----------------------------------------------------------------------------- parts of a tensor


class SelectBackward0(ViewNode):
    __slots__ = ()


class SliceBackward0(ViewNode):
    __slots__ = ()


@numpy_names
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The part at one place of a dimension, which goes away."""
    if isinstance(index, float):
        raise TypeError("select(): argument 'index' (position 2) must be int, not float")
    if not input.array.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis = axis_of(dim, input.array.ndim)
    n = input.array.shape[axis]
    if not -n <= index < n:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size "
            f"{list(input.array.shape)} at dimension {axis}"
        )
    return part(input, (*[slice(None)] * axis, int(index), ...), SelectBackward0)


def part(x: Tensor, key: tuple[Any, ...], node_type: type[Node]) -> Tensor:
    """x[key], for a key of ints and slices."""

    def replay(whole: Either) -> Either:
        return part(whole, key, node_type) if type(whole) in TENSORS else whole[key]

    details = {"input_shape": x.array.shape, "show": replay}
    return view_of(x, node_type, replay, x.array[key], **details)


@numpy_names
def narrow(input: Either, dim: int, start: int, length: int) -> Either:
    """`length` places of a dimension, from `start`."""
    if type(input) not in TENSORS:
        return input[(*[slice(None)] * dim, slice(start, start + length))]
    if not input.array.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    axis = axis_of(dim, input.array.ndim)
    n = input.array.shape[axis]
    start, length = int(start.__index__()), int(length.__index__())
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -n <= start <= n:
        raise IndexError(
            f"start out of range (expected to be in range of [{-n}, {n}], but got {start})"
        )
    start = start + n if start < 0 else start
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    key = (*[slice(None)] * axis, slice(start, start + length))
    return part(input, key, SliceBackward0)


# ----------------------------------------------------------------------------------------- copies


class CloneBackward0(Node):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (grad,)


def clone(input: Tensor, *, memory_format: Any = preserve_format) -> Tensor:
    """A copy, through which gradients flow back.  Its elements lie in the order of the original's,
    without gaps."""
    check_format("clone", memory_format, preserve_format, contiguous_format)
    array = input.array
    kept = memory_format is preserve_format and type(array) is np.ndarray
    ordered = kept and not stretched_axes(array)
    return record(CloneBackward0, array.copy("K") if ordered else kernels.copied(array), (input,))


def contiguous(x: Tensor, *, memory_format: Any = contiguous_format) -> Tensor:
    """The same tensor if its elements lie in order, else a copy where they do."""
    check_format("contiguous", memory_format, contiguous_format)
    return x if x.array.flags.c_contiguous else clone(x, memory_format=contiguous_format)
