"""Assignment: x[key] = value, copy_, fill_, zero_, and putting values at index arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.grad_mode import is_recording
from minigrad.memory import note_write
from minigrad.node import NO_EDGE
from minigrad.ops.arguments import typed
from minigrad.ops.define import NUMBERS, as_tensor, fitting
from minigrad.ops.either import Either, array_of, constant_like
from minigrad.ops.index import (
    Indices,
    as_index,
    basic_part,
    broadcast,
    expanded,
    index,
    is_array,
    parts_of,
    positions,
    scatter,
)
from minigrad.ops.inplace import (
    OverwriteNode,
    check_elements,
    check_history,
    check_overlap,
    check_writable,
    overwrite,
    write,
)
from minigrad.ops.move import to_device_array
from minigrad.ops.pointwise import masked_fill_number
from minigrad.ops.shared_memory import new_zeros, stretched_axes
from minigrad.ops.view import expand, reshape
from minigrad.shapes import broadcast_shape
from minigrad.tensor import TENSORS, Tensor, constant, edge_of, has_history, record

Array = Any


class CopyBackwards(OverwriteNode):
    """x.copy_(source): all of the gradient goes to the source, to wherever that is."""

    __slots__ = ("device",)
    device: Any

    def vjp(self, grad: Either) -> Any:
        own, of_source = super().vjp(grad)
        return own, of_source if self.device is None else of_source.to(self.device)


class FillBackward2(OverwriteNode):
    """x.fill_(a number)"""

    __slots__ = ()


class FillBackward3(OverwriteNode):
    """x.fill_(a tensor of 0 dimensions)"""

    __slots__ = ()


class ZeroBackward0(OverwriteNode):
    __slots__ = ()


def copy_(x: Tensor, other: Any, non_blocking: bool = False) -> Tensor:
    """Take over the other's values, in x's shape, dtype and device.  (`non_blocking` is there for
    programs written for torch: a copy is always finished when this returns.)"""
    if type(other) in NUMBERS:
        other = as_tensor(other, x.array.dtype)
    if type(other) not in TENSORS:
        raise TypeError(
            f"copy_(): argument 'other' (position 1) must be Tensor, not {type(other).__name__}: "
            "make a tensor of it first, with minigrad.tensor()"
        )
    check_writable(x, (other,))
    values = to_device_array(other.array, x.device)
    values = kernels.broadcast_to(values, broadcast_shape(x.array.shape, values.shape))
    elsewhere = other.device if other.device != x.device else None
    return overwrite(x, values, CopyBackwards, (other,), device=elsewhere)


def fill_(x: Tensor, value: Any) -> Tensor:
    """Every element becomes `value`."""
    if type(value) not in TENSORS:
        check_history(x)
        if type(value) in NUMBERS:
            value = fitting(value, x.array.dtype)
        number = as_tensor(value, x.array.dtype).array
        return overwrite(x, spread(number, x), FillBackward2)
    if value.array.ndim:
        raise RuntimeError(
            "fill_ only supports 0-dimension value tensor but got tensor with "
            f"{value.array.ndim} dimensions."
        )
    check_history(x, (value,))
    check_elements(x)
    return overwrite(x, spread(value.array, x), FillBackward3, (value,))


def zero_(x: Tensor) -> Tensor:
    """Every element becomes 0."""
    check_history(x)
    return overwrite(x, new_zeros(x.array, x.array.shape), ZeroBackward0)


def spread(number: Array, x: Tensor) -> Array:
    """A 0-d array as one of x's shape, on x's device."""
    return kernels.broadcast_to(to_device_array(number, x.device), x.array.shape)


# ------------------------------------------------------------------------------- x[key] = value


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value"""
    source = assignable(value, x.array.dtype)
    keys = expanded(parts_of(key), x.array.ndim)
    if key is False:
        return  # which picks nothing
    target, indices = basic_part(x, [None if key is True and k is True else k for k in keys])
    if any(i is not None for i in indices):
        if not source.array.ndim and (type(value) not in TENSORS or is_one_mask(keys)):
            source = source.to(x.dtype)  # a number, or filled as by masked_fill
        write_at(target, indices, without_leading_ones(source))
    elif source.array.shape == target.array.shape:
        copy_(target, source)
    elif not source.array.ndim:
        fill_(target, source)
    else:
        source = reshape(source, without_leading_ones(source).array.shape)
        if source.array.shape != target.array.shape:
            source = expand(source, target.array.shape)
        copy_(target, source)


def is_one_mask(keys: list[Any]) -> bool:
    """Whether a key has one index array, and that is a mask."""
    arrays = [k for k in keys if is_array(k)]
    return len(arrays) == 1 and bool(arrays[0].dtype == bool)


def assignable(value: Any, dtype: Any) -> Tensor:
    """What is assigned, as a Tensor."""
    if type(value) in TENSORS:
        return value
    if type(value) not in NUMBERS and not isinstance(value, np.ndarray | np.generic):
        raise TypeError(
            f"can't assign a {type(value).__name__} to a minigrad.{type_name(dtype)}Tensor: make a "
            "tensor of it first, with minigrad.tensor()"
        )
    if type(value) in NUMBERS and dtype.kind in "iu":
        value = fitting(value, dtype)
    return as_tensor(value, dtype)


def without_leading_ones(value: Tensor) -> Tensor:
    """x[0] = a row of shape (1, n) is welcome."""
    shape = value.array.shape
    while shape[:1] == (1,):
        shape = shape[1:]
    return value if len(shape) == value.array.ndim else reshape(value, shape)


# ---------------------------------------------------------------------- values at index arrays


class IndexPutBackward0(OverwriteNode):
    """x[indices] = values, or x[indices] += values with `accumulate`."""

    __slots__ = ("accumulate",)
    accumulate: bool

    def vjp(self, grad: Either) -> Any:
        indices = list(self.saved_arrays())
        own = grad if self.accumulate else without_written(grad, indices)
        return own, index(grad, indices)


def without_written(grad: Either, indices: Indices) -> Either:
    """The gradient, with zeros where values were put."""
    array = array_of(grad)
    written = kernels.full(array.shape, False, np.dtype(bool), array)
    yes = kernels.full((), True, np.dtype(bool), array)
    mask = put_in_places(written, indices, yes)
    return masked_fill_number(grad, constant_like(mask, grad), 0)


@typed
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """input with the elements that index tensors pick replaced, or added to with `accumulate`."""
    return put_at(input, picked(input, indices), values, accumulate)


@typed
def index_put_(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """The in-place form of index_put."""
    return write_at(input, picked(input, indices), values, accumulate)


def picked(x: Tensor, indices: Any) -> Indices:
    """The argument `indices`: a tensor for each dimension, the last ones perhaps taken whole."""
    if not isinstance(indices, tuple | list):
        raise TypeError(
            "index_put_(): argument 'indices' (position 1) must be tuple of Tensors, not "
            f"{type(indices).__name__}"
        )
    found: Indices = []
    for place, given in enumerate(indices):
        if type(given) not in TENSORS:
            raise TypeError(
                f"index_put_(): expected Tensor as element {place} of argument 'indices', but got "
                f"{type(given).__name__}"
            )
        key = as_index(given)
        if len(found) + max(getattr(key, "ndim", 1), 1) > x.array.ndim:
            raise IndexError(
                f"too many indices for tensor of dimension {x.array.ndim} (got {len(indices)})"
            )
        found += positions(key if is_array(key) else np.asarray(key), x, len(found))
    return found + [None] * (x.array.ndim - len(found))


def write_at(x: Tensor, indices: Indices, values: Tensor, accumulate: bool = False) -> Tensor:
    """x[indices] = values"""
    check_history(x, (values,))
    check_overlap(x, (values,))
    if not accumulate and is_unrecorded(x, indices, values):
        check_same_dtype(x, values)
        x.array[numpy_key(indices)] = fit_places(x.array, indices, values.array)
        note_write(x.array)
        return x
    before = constant(x.array)
    before.edge = edge_of(x) if is_recording() else NO_EDGE
    stretched = type(x.array) is np.ndarray and stretched_axes(x.array)
    places = numpy_key(indices) if stretched else ...
    write(x, put_at(before, indices, values, accumulate), places)
    return x


def is_unrecorded(x: Tensor, indices: Indices, values: Tensor) -> bool:
    """Whether there is nothing to do but to put the values there: no graph, samples or GPU."""
    arrays = (x.array, values.array, *indices)
    if not kernels.NUMPY.issuperset(map(type, arrays)):
        return False
    if is_recording() and (has_history(x) or has_history(values)):
        return False
    return not kernels.may_share_memory(x.array, values.array)


def numpy_key(indices: Indices) -> tuple[Any, ...]:
    return tuple(slice(None) if i is None else i for i in indices)


def check_same_dtype(x: Tensor, values: Tensor) -> None:
    if values.array.dtype != x.array.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{type_name(x.array.dtype)} for the destination and "
            f"{type_name(values.array.dtype)} for the source."
        )


def put_at(x: Tensor, indices: Indices, values: Tensor, accumulate: bool) -> Tensor:
    check_same_dtype(x, values)
    array = values.array if values.array.ndim else to_device_array(values.array, x.device)
    kernels.check_one_device((x.array, array))
    result = (add_to_places if accumulate else put_in_places)(x.array, indices, array)
    return record(IndexPutBackward0, result, (x, values), tuple(indices), accumulate=accumulate)


def put_in_places(array: Array, indices: Indices, values: Array) -> Array:
    """A copy with `values` in the places; where places are equal, the last value stays."""
    return kernels.index_put(array, indices, fit_places(array, indices, values))


def add_to_places(array: Array, indices: Indices, values: Array) -> Array:
    """A copy with `values` added in the places, as often as a place is named."""
    return kernels.add(array, scatter(fit_places(array, indices, values), indices, array.shape))


def fit_places(array: Array, indices: Indices, values: Array) -> Array:
    """The values in the shape of what the indices pick."""
    wanted = index_shape(array.shape, indices)
    if values.shape == wanted:
        return values
    try:
        return kernels.broadcast_to(values, wanted)
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast "
            f"to indexing result of shape {list(wanted)}"
        ) from None


def index_shape(shape: tuple[int, ...], indices: Indices) -> tuple[int, ...]:
    """The shape of x[indices]."""
    axes = [i for i, k in enumerate(indices) if k is not None]
    common = broadcast([indices[i] for i in axes])[0].shape
    rest = [n for i, n in enumerate(shape) if i not in axes]
    neighbours = axes == list(range(axes[0], axes[-1] + 1))
    start = axes[0] if neighbours else 0
    return (*rest[:start], *common, *rest[start:])
