"""Tensors taken apart along a dimension, and joined: each is the other's derivative."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from typing import Any

from minigrad import kernels
from minigrad.grad_mode import is_recording
from minigrad.node import NO_EDGE, Node
from minigrad.ops.arguments import Ints, typed
from minigrad.ops.either import Either, array_of
from minigrad.ops.shared_memory import MANY, new_zeros, view_edge
from minigrad.ops.spelling import numpy_names
from minigrad.ops.view import SliceBackward0, narrow, part, reshape, unsqueeze
from minigrad.shapes import axis_of, int_of, shape_argument
from minigrad.tensor import TENSORS, Tensor, attach, constant, edge_of, record

Array = Any

# ----------------------------------------------------------------------------------- taking apart


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


@typed
def split(tensor: Tensor, split_size_or_sections: Ints, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of one size (the last may be smaller), or of the given sizes."""
    if not tensor.array.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    axis = axis_of(dim, tensor.array.ndim)
    n = tensor.array.shape[axis]
    if isinstance(split_size_or_sections, tuple | list):
        sizes = shape_argument((split_size_or_sections,))
        if any(size < 0 for size in sizes) or sum(sizes) != n:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size "
                f"at dimension {axis}), but got split_sizes={list(sizes)}"
            )
        bounds = [(stop - size, stop) for stop, size in zip(accumulate(sizes), sizes, strict=True)]
        return parts(tensor, axis, bounds, SplitWithSizesBackward0)
    size = int_of("split_size", split_size_or_sections)
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0 and n > 0:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
        )
    bounds = [(start, min(start + size, n)) for start in range(0, n, size or 1)] or [(0, 0)]
    return parts(tensor, axis, bounds, SplitBackward0)


@numpy_names
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of the given sizes."""
    return split(input, tuple(split_sizes), dim)


@numpy_names
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


@numpy_names
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The parts at every place of a dimension."""
    axis = axis_of(dim, input.array.ndim)
    bounds = [(i, i + 1) for i in range(input.array.shape[axis])]
    return parts(input, axis, bounds, UnbindBackward0)


# ---------------------------------------------------------------------------------------- joining


class CatBackward0(Node):
    __slots__ = ("axis", "empty_shapes", "sizes")
    axis: int
    sizes: list[int]
    empty_shapes: dict[int, tuple[int, ...]]  # (0,) may be joined to anything

    def vjp(self, grad: Either) -> Any:
        start, grads = 0, list[Either]()
        for size in self.sizes:
            part = narrow(grad, self.axis, start, size)
            grads.append(part if size else reshape(part, self.empty_shapes[len(grads)]))
            start += size
        return grads


@numpy_names
def cat(tensors: Sequence[Either], dim: int = 0) -> Either:
    """Tensors joined along a dimension that exists; their other sizes must be equal."""
    tensors = listed(tensors)
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    if not hasattr(tensors[0], "strides") or type(tensors[0]) in TENSORS:  # not of arrays
        check_tensors(tensors)
    arrays = [array_of(x) for x in tensors]
    ndim = max(array.ndim for array in arrays)
    axis = axis_of(dim, ndim) if ndim else 0
    check_joinable(arrays, axis)
    result = kernels.concatenate(arrays, axis)
    if type(tensors[0]) not in TENSORS:
        return result
    sizes = [array.shape[axis] if array.ndim > axis else 0 for array in arrays]
    empty = {i: a.shape for i, a in enumerate(arrays) if not sizes[i]} if 0 in sizes else {}
    return record(CatBackward0, result, tensors, axis=axis, sizes=sizes, empty_shapes=empty)


@numpy_names
def concatenate(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors joined along a dimension that exists: cat, in NumPy's words."""
    joined: Tensor = cat(tensors, dim)
    return joined


def listed(tensors: Sequence[Any]) -> list[Any]:
    """Tensors as a list.  TypeError for a tensor, which is no list of its parts here."""
    if isinstance(tensors, tuple | list):
        return list(tensors)
    raise TypeError(f"expected a tuple of Tensors, but got {type(tensors).__name__}")


def check_tensors(given: Sequence[Any]) -> None:
    for number, x in enumerate(given):
        if type(x) not in TENSORS:
            raise TypeError(
                f"expected Tensor as element {number} in argument 0, but got {type(x).__name__}"
            )


def check_joinable(arrays: Sequence[Array], axis: int) -> None:
    if arrays[0].ndim and len({array.shape for array in arrays}) == 1:
        return  # the usual case, without the checks below
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


@numpy_names
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new dimension."""
    tensors = listed(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    check_tensors(tensors)
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
