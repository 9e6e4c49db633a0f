"""Views by strides: sliding windows, and as_strided."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.memory import owner_of
from minigrad.node import LinearNode
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either, array_of
from minigrad.ops.index import index, scatter
from minigrad.ops.joining import cat
from minigrad.ops.shared_memory import (
    ALLOWED,
    View,
    ViewNode,
    new_zeros,
    view_of,
    without_recording,
)
from minigrad.ops.view import narrow, reshape
from minigrad.shapes import axis_of, shape_argument
from minigrad.tensor import TENSORS, Tensor, record
from minigrad.values import offset_of, steps_of

Array = Any
Shape = tuple[int, ...]

OUTSIDE = (
    "It shows memory that is not its base's: such a view of a tensor with a history may not be "
    "modified. Write to a clone() of it."
)

# ------------------------------------------------------------------------------------------ windows


class UnfoldBackward0(ViewNode):
    __slots__ = ()


@typed
def unfold(input: Either, dimension: int, size: int, step: int) -> Either:
    """Windows of `size` places of a dimension, one every `step` places, as a last dimension."""
    array = array_of(input)
    axis = axis_of(dimension, array.ndim)
    n = array.shape[axis] if array.ndim else 1
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {axis} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    shown = windows(array, axis, size, step)
    if type(input) not in TENSORS:
        return shown

    def replay(whole: Either) -> Either:
        return unfold(whole, axis, size, step)

    details = {"input_shape": array.shape, "show": replay}
    return view_of(input, UnfoldBackward0, replay, shown, **details)


def windows(array: Array, axis: int, size: int, step: int) -> Array:
    if not array.ndim:
        return array.reshape((1,))[:size]
    shape, strides = list(array.shape), list(array.strides)
    shape[axis] = (shape[axis] - size) // step + 1
    last = strides[axis]
    strides[axis] = last * step
    return kernels.as_strided(array, (*shape, size), (*strides, last), 0)


# --------------------------------------------------------------------------------------- as_strided


class Strides:
    """How a view by strides lies in an array: both in elements of memory, the view from `shift`
    elements after the array's first."""

    def __init__(self, array: Array, size: Shape, stride: Shape, shift: int):
        self.shape, self.steps = array.shape, steps_of(array)
        self.size, self.stride, self.shift = size, stride, shift

    @cached_property
    def places(self) -> np.ndarray[Any, Any]:
        """The number of the array's element at each place of the view; one too many for memory
        that is not the array's."""
        own, shown = offsets(self.shape, self.steps), offsets(self.size, self.stride) + self.shift
        lowest = min(0, self.shift)
        highest = max(own.max(initial=0), shown.max(initial=0))
        count = own.size
        numbers = np.full(highest - lowest + 1, count)
        numbers[own - lowest] = np.arange(count).reshape(own.shape)
        return np.asarray(numbers[shown - lowest])

    @property
    def leaves_array(self) -> bool:
        count = int(np.prod(self.shape, dtype=int))
        return bool(self.places.max(initial=0) >= count)

    def picked(self, x: Either) -> Either:
        """The elements of the view, from any array or Tensor of the array's shape; 0 for others."""
        flat = reshape(x, (-1 if 0 not in self.shape else 0,))
        if self.leaves_array:
            flat = cat([flat, new_zeros(x, (1,))])
        return index(flat, [self.on_device_of(x)])

    def collected(self, values: Either) -> Either:
        """The inverse: zeros, to which the values are added where the view has them from."""
        count = int(np.prod(self.shape, dtype=int))
        total = scatter(values, [self.on_device_of(values)], (count + 1,))
        return reshape(narrow(total, 0, 0, count), self.shape)

    def on_device_of(self, x: Either) -> Array:
        return kernels.to_device_of(self.places, array_of(x))

    def __call__(self, whole: Either) -> Either:
        """The view of an array or Tensor like the one it was made for (what a View replays)."""
        if type(whole) in TENSORS or steps_of(whole) != self.steps:
            return self.picked(whole)
        return shown_by(whole, self.size, self.stride, self.shift)


def offsets(shape: Shape, steps: Shape) -> np.ndarray[Any, Any]:
    """Where each element lies, from the first."""
    total = np.zeros(shape, np.int64)
    for axis, (n, step) in enumerate(zip(shape, steps, strict=True)):
        total += (np.arange(n) * step).reshape((n,) + (1,) * (len(shape) - axis - 1))
    return total


def shown_by(array: Array, size: Shape, stride: Shape, shift: int) -> Array:
    bytes_ = array.itemsize
    return kernels.as_strided(array, size, tuple(n * bytes_ for n in stride), shift * bytes_)


class StridedNode(LinearNode):
    __slots__ = ("strides",)
    strides: Strides

    def vjp(self, grad: Either) -> Any:
        return (self.strides.collected(grad),)

    def jvp(self, tangent: Either) -> Either:
        return self.strides.picked(tangent)


StridedNode.__name__ = "AsStridedBackward0"  # torch's name; that of shared_memory.py replays


class AsStridedBackward1(StridedNode):
    __slots__ = ()


@typed
def as_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """The memory of a tensor under another shape and strides, in elements; storage_offset counts
    from where the memory begins."""
    size, stride, array = shape_argument((size,)), shape_argument((stride,)), input.array
    check_strides(array, size, stride, storage_offset)
    shift = 0 if storage_offset is None else storage_offset - offset_of(array)
    shown = shown_by(array, size, stride, shift)
    out = record(StridedNode, shown, (input,), strides=Strides(array, size, stride, shift))
    edge = input.edge
    base, forbidden = (edge.base, edge.forbidden) if type(edge) is View else (input, ALLOWED)
    start = shift + offset_of(array) - offset_of(base.array)
    replay = Strides(base.array, size, stride, start)
    if out.edge[0] is not None and not forbidden and replay.leaves_array:
        forbidden = OUTSIDE
    out.edge = View(base, replay, out.edge, without_recording() or forbidden)
    return out


def check_strides(array: Array, size: Shape, stride: Shape, storage_offset: int | None) -> None:
    """RuntimeError for strides that do not suit the shape, or lead out of the memory."""
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if min(stride, default=0) < 0:
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: "
            f"{list(stride)}"
        )
    if min(size, default=0) < 0:
        raise RuntimeError(f"as_strided: negative sizes are not possible, got {list(size)}")
    offset = offset_of(array) if storage_offset is None else storage_offset
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    reach = offset + 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if 0 not in size and reach * array.itemsize > owner_of(array).nbytes:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and "
            f"itemsize {array.itemsize} requiring a storage size of {reach * array.itemsize} are "
            f"out of bounds for storage of size {owner_of(array).nbytes}"
        )
