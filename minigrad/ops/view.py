"""Views by operation: other shapes, dimensions moved, parts; and operations that join.

What a view remembers is in ops/shared_memory.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.grad_mode import is_recording
from minigrad.node import NO_EDGE, LinearNode, Node
from minigrad.ops.shared_memory import (
    MANY,
    ViewNode,
    allow_writes,
    new_zeros,
    view_edge,
    view_of,
)
from minigrad.shapes import axis_of, infer, inverse, shape_argument
from minigrad.tensor import TENSORS, Tensor, attach, constant, edge_of, record

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


class SplitNode(Node):
    """Several parts along one dimension; a part without a gradient counts as zeros."""

    __slots__ = ("axis", "bounds", "input_shape", "outputs")
    plain = False
    axis: int
    bounds: list[tuple[int, int]]
    input_shape: tuple[int, ...]

    def vjp(self, grads: Sequence[Either]) -> Any:
        if self.outputs == 1:  # the engine gives a list only where there are several
            grads = [grads]
        like = next(grad for grad in grads if grad is not None)
        parts = []
        for (start, stop), grad in zip(self.bounds, grads, strict=True):
            shape = list(self.input_shape)
            shape[self.axis] = stop - start
            parts.append(new_zeros(like, tuple(shape)) if grad is None else self.restore(grad))
        return (cat(parts, self.axis),)

    def restore(self, grad: Either) -> Either:
        return grad

    def output_kind(self, output_nr: int) -> tuple[tuple[int, ...], Any]:
        start, stop = self.bounds[output_nr]
        before, after = self.input_shape[: self.axis], self.input_shape[self.axis + 1 :]
        return (*before, stop - start, *after), self.dtype


class SplitBackward0(SplitNode):
    __slots__ = ()


class SplitWithSizesBackward0(SplitNode):
    __slots__ = ()


class UnbindBackward0(SplitNode):
    __slots__ = ()

    def restore(self, grad: Either) -> Either:
        return unsqueeze(grad, self.axis)

    def output_kind(self, output_nr: int) -> tuple[tuple[int, ...], Any]:
        return self.shape, self.dtype  # all alike


def parts(
    x: Tensor, axis: int, bounds: list[tuple[int, int]], node_type: type[SplitNode]
) -> tuple[Tensor, ...]:
    unbind = node_type is UnbindBackward0
    keys = [
        (*[slice(None)] * axis, start if unbind else slice(start, stop), ...)
        for start, stop in bounds
    ]
    arrays = [x.array[key] for key in keys]
    edge = edge_of(x) if is_recording() else NO_EDGE
    node = None
    if edge is not NO_EDGE and arrays:
        node = node_type()
        node.next_functions, node.saved = (edge,), ()
        node.axis, node.bounds, node.input_shape = axis, bounds, x.array.shape
        node.outputs = len(bounds)
    made = []
    for output_nr, (key, array) in enumerate(zip(keys, arrays, strict=True)):
        out = constant(array) if node is None else attach(node, array, output_nr)
        out.edge = view_edge(x, partial(getitem_of, key), out.edge, MANY)
        made.append(out)
    return tuple(made)


def getitem_of(key: Any, x: Either) -> Either:
    return part(x, key, SliceBackward0) if type(x) in TENSORS else x[key]


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of one size (the last may be smaller), or of the given sizes."""
    if not tensor.array.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    axis = axis_of(dim, tensor.array.ndim)
    n = tensor.array.shape[axis]
    if not isinstance(split_size_or_sections, int):
        sizes = list(split_size_or_sections)
        if any(size < 0 for size in sizes) or sum(sizes) != n:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size "
                f"at dimension {axis}), but got split_sizes={sizes}"
            )
        bounds = [(stop - size, stop) for stop, size in zip(accumulate(sizes), sizes, strict=True)]
        return parts(tensor, axis, bounds, SplitWithSizesBackward0)
    size = split_size_or_sections
    if size < 0 or (size == 0 and n > 0):
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    bounds = [(start, min(start + size, n)) for start in range(0, n, size or 1)] or [(0, 0)]
    return parts(tensor, axis, bounds, SplitBackward0)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` parts of equal size (the last may be smaller)."""
    if not input.array.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.array.shape[axis_of(dim, input.array.ndim)]
    if n == 0:
        return split(input, [0] * chunks, dim)
    return split(input, -(-n // chunks), dim)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The parts at every place of a dimension."""
    axis = axis_of(dim, input.array.ndim)
    bounds = [(i, i + 1) for i in range(input.array.shape[axis])]
    return parts(input, axis, bounds, UnbindBackward0)


# ---------------------------------------------------------------------------------------- joining


class CatBackward0(Node):
    __slots__ = ("axis", "sizes")
    axis: int
    sizes: list[int]

    def vjp(self, grad: Either) -> Any:
        start, grads = 0, []
        for size in self.sizes:
            grads.append(narrow(grad, self.axis, start, size))
            start += size
        return grads


def cat(tensors: Sequence[Either], dim: int = 0) -> Either:
    """Tensors joined along a dimension that exists; their other sizes must be equal."""
    tensors = list(tensors)
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    arrays = [x.array if type(x) in TENSORS else x for x in tensors]
    axis = axis_of(dim, max(array.ndim for array in arrays))
    check_joinable(arrays, axis)
    result = kernels.concatenate(arrays, axis)
    if type(tensors[0]) not in TENSORS:
        return result
    sizes = [array.shape[axis] if array.ndim > axis else 0 for array in arrays]
    return record(CatBackward0, result, tensors, axis=axis, sizes=sizes)


def check_joinable(arrays: Sequence[Array], axis: int) -> None:
    first = next((a for a in arrays if a.shape != (0,)), arrays[0])
    for number, array in enumerate(arrays):
        if array.ndim == 0:
            raise RuntimeError(
                f"zero-dimensional tensor (at position {number}) cannot be concatenated"
            )
        if array.shape == (0,):
            continue
        if array.ndim != first.ndim:
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {first.ndim} and {array.ndim}"
            )
        for i, (a, b) in enumerate(zip(first.shape, array.shape, strict=True)):
            if i != axis and a != b:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {axis}. Expected size {a} "
                    f"but got size {b} for tensor number {number} in the list."
                )


class StackBackward0(Node):
    __slots__ = ("axis",)
    axis: int

    def vjp(self, grad: Either) -> Any:
        if type(grad) in TENSORS:
            return unbind(grad, self.axis)
        places = range(grad.shape[self.axis])
        return [grad[(*[slice(None)] * self.axis, i, ...)] for i in places]


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new dimension."""
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    shape = tensors[0].array.shape
    for number, x in enumerate(tensors):
        if x.array.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 "
                f"and {list(x.array.shape)} at entry {number}"
            )
    axis = axis_of(dim, len(shape) + 1)
    arrays = [x.array.reshape((*shape[:axis], 1, *shape[axis:])) for x in tensors]
    return record(StackBackward0, kernels.concatenate(arrays, axis), tensors, axis=axis)


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
