"""Views by operation: other shapes, dimensions moved, parts; and copies.

What a view remembers is in ops/shared_memory.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.node import LinearNode, Node
from minigrad.ops.shared_memory import ViewNode, allow_writes, view_of
from minigrad.shapes import axis_of, infer, inverse, shape_argument
from minigrad.tensor import TENSORS, Tensor, record

Array = Any
Either = Any  # a Tensor or an array: the same comes out as went in


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


class SqueezeBackward0(ReshapeNode):
    __slots__ = ()


class SqueezeBackward1(ReshapeNode):
    __slots__ = ()


class SqueezeBackward2(ReshapeNode):
    __slots__ = ()


class SqueezeBackward4(ReshapeNode):
    __slots__ = ()


class AliasBackward0(ReshapeNode):
    __slots__ = ()


def as_shape(x: Tensor, shape: tuple[int, ...], node_type: type[Node], array: Array) -> Tensor:
    return view_of(
        x, node_type, lambda whole: reshape(whole, shape), array, input_shape=x.array.shape
    )


def shares_memory(array: Array, x: Array) -> bool:
    return array.size == 0 or bool(kernels.may_share_memory(array, x))


def reshape(input: Either, *sizes: Any, shape: Any = ()) -> Either:
    """The same elements in another shape: a view where that is possible, else a copy."""
    if type(input) not in TENSORS:
        return input.reshape(sizes[0] if len(sizes) == 1 else sizes)
    shape = infer(shape_argument(sizes or (shape,)), input.array.size)
    array = input.array.reshape(shape)
    if input.array.flags.c_contiguous:
        return as_shape(input, shape, ViewBackward0, array)
    if shares_memory(array, input.array):
        return as_shape(input, shape, ReshapeAliasBackward0, array)
    copy = record(CloneBackward0, array.reshape(input.array.shape), (input,))
    return record(UnsafeViewBackward0, array, (copy,), input_shape=input.array.shape)


def view(x: Tensor, *sizes: Any) -> Tensor:
    """The same memory in another shape.  RuntimeError where that needs a copy."""
    shape = infer(shape_argument(sizes), x.array.size)
    array = x.array.reshape(shape)
    if not shares_memory(array, x.array):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return as_shape(x, shape, ViewBackward0, array)


class Variable(ViewBackward0):
    """The view of a tensor that has a history already, as a variable of a transform."""

    __slots__ = ()
    is_variable = True

    def name(self) -> str:
        return "ViewBackward0"


def as_variable(x: Tensor) -> Tensor:
    """x.view_as(x), whose gradient is wanted even if that of x is not."""
    return as_shape(x, x.array.shape, Variable, x.array)


def view_as(x: Tensor, other: Tensor) -> Tensor:
    """The same memory in the shape of another tensor."""
    return view(x, other.array.shape)


def ravel(x: Tensor) -> Tensor:
    """All elements in one dimension."""
    return view(contiguous(x), (-1,))


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the dimensions from start_dim to end_dim."""
    shape = input.array.shape or (1,)
    first, last = axis_of(start_dim, len(shape)), axis_of(end_dim, len(shape))
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last and input.array.ndim:
        return input
    return reshape(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split one dimension into several."""
    axis = axis_of(dim, input.array.ndim)
    shape = input.array.shape
    return view(input, (*shape[:axis], *infer(tuple(sizes), shape[axis]), *shape[axis + 1 :]))


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


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the dimensions of size 1 (those named by `dim`, if it is given)."""
    shape = input.array.shape
    node_type: type[Node]
    if dim is None:
        axes, node_type = set(range(len(shape))), SqueezeBackward0
    elif isinstance(dim, tuple | list):
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


class TBackward0(PermuteNode):
    __slots__ = ()


def permute(input: Either, *order: Any, dims: Any = ()) -> Either:
    """The dimensions in another order."""
    if type(input) not in TENSORS:
        return input.transpose(*order)
    order = shape_argument(order or (dims,))
    array = input.array
    axes = tuple(axis_of(d, array.ndim) for d in order)
    if sorted(axes) != list(range(array.ndim)):
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {array.ndim} is "
            f"not equal to len(dims) = {len(axes)}"
            if len(axes) != array.ndim
            else "permute(): duplicate dims are not allowed."
        )
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
    if x.array.ndim < 2:
        raise RuntimeError(
            "tensor.mT is only supported on matrices or batches of matrices. "
            f"Got {x.array.ndim}-D tensor."
        )
    return transpose(x, -2, -1)


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Dimensions moved to other places; the rest keep their order."""
    ndim = input.array.ndim
    sources = [axis_of(d, ndim) for d in ((source,) if isinstance(source, int) else source)]
    places = [
        axis_of(d, ndim) for d in ((destination,) if isinstance(destination, int) else destination)
    ]
    order = [axis for axis in range(ndim) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return permute(input, tuple(order))


# -------------------------------------------------------------------------------------- expand


class ExpandBackward0(Node):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (grad,)  # the engine sums over what was stretched


def expand(x: Either, *sizes: Any) -> Either:
    """Dimensions of size 1 (and new ones in front) stretched, without a copy; -1 keeps a size."""
    if type(x) not in TENSORS:
        shape = sizes[0]
        return x if x.shape == shape else kernels.broadcast_to(x, shape)
    shape = expanded_shape(x.array.shape, shape_argument(sizes))
    array = kernels.broadcast_to(x.array, shape)
    if not x.is_cuda and x.array.flags.writeable:
        allow_writes(array)
    return view_of(x, ExpandBackward0, lambda whole: expand(whole, shape), array)


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
        if n not in (-1, old) and old != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({old}) at "
                f"non-singleton dimension {place}.  Target sizes: {list(sizes)}.  "
                f"Tensor sizes: {list(shape)}"
            )
        result.append(old if n == -1 else n)
    return tuple(result)


def expand_as(x: Tensor, other: Tensor) -> Tensor:
    return expand(x, other.array.shape)


# ----------------------------------------------------------------------------- parts of a tensor


class SelectBackward0(ViewNode):
    __slots__ = ()


class SliceBackward0(ViewNode):
    __slots__ = ()


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The part at one place of a dimension, which goes away."""
    if not input.array.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis = axis_of(dim, input.array.ndim)
    n = input.array.shape[axis]
    if not -n <= index < n:
        raise IndexError(f"index {index} is out of bounds for dimension {axis} with size {n}")
    return part(input, (*[slice(None)] * axis, int(index), ...), SelectBackward0)


def part(x: Tensor, key: tuple[Any, ...], node_type: type[Node]) -> Tensor:
    """x[key], for a key of ints and slices."""

    def replay(whole: Either) -> Either:
        return part(whole, key, node_type) if type(whole) in TENSORS else whole[key]

    details = {"input_shape": x.array.shape, "show": replay}
    return view_of(x, node_type, replay, x.array[key], **details)


def narrow(input: Either, dim: int, start: int, length: int) -> Either:
    """`length` places of a dimension, from `start`."""
    key = (*[slice(None)] * dim, slice(start, start + length)) if dim >= 0 else ()
    if type(input) not in TENSORS:
        return input[key]
    if not input.array.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    axis = axis_of(dim, input.array.ndim)
    n = input.array.shape[axis]
    if length < 0 or not -n <= start <= n or start % (n + 1) + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    key = (*[slice(None)] * axis, slice(start, start + length))
    return part(input, key, SliceBackward0)


# ----------------------------------------------------------------------------------------- copies


class CloneBackward0(Node):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (grad,)


def clone(input: Tensor) -> Tensor:
    """A copy, through which gradients flow back."""
    return record(CloneBackward0, input.array.copy(), (input,))


def contiguous(x: Tensor) -> Tensor:
    """The same tensor if its elements lie in order, else a copy where they do."""
    return x if x.array.flags.c_contiguous else clone(x)
