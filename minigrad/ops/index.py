"""Indexing: x[...], and what it takes apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.node import Node
from minigrad.ops.either import Either
from minigrad.ops.pointwise import lt, ne, where
from minigrad.ops.view import (
    AliasBackward0,
    SliceBackward0,
    as_shape,
    part,
    select,
    unsqueeze,
)
from minigrad.shapes import inverse
from minigrad.tensor import TENSORS, Tensor, record

Array = Any
Indices = list[Array | None]  # one a dimension; None takes a dimension whole


def getitem(x: Tensor, key: Any) -> Tensor:
    """x[key]: ints, slices, None and ... give views; integer and bool tensors pick elements."""
    keys = parts_of(key)
    if len(keys) == 1 and keys[0] is Ellipsis:
        return as_shape(x, x.array.shape, AliasBackward0, x.array.reshape(x.array.shape))
    if len(keys) == 1 and isinstance(keys[0], slice) and x.array.ndim:
        return sliced(x, 0, keys[0])
    found, indices = basic_part(x, expanded(keys, x.array.ndim))
    if any(i is not None for i in indices):
        return index(found, indices)
    if found is x:
        return as_shape(x, x.array.shape, AliasBackward0, x.array.reshape(x.array.shape))
    return found


def parts_of(key: Any) -> tuple[Any, ...]:
    """What stands between the brackets.  A short list that holds more than numbers, x[[i, :]] or
    x[[[0, 1], [1, 0]]], is taken for a tuple, as in torch and in NumPy of old."""
    if isinstance(key, tuple):
        return key
    if isinstance(key, list) and len(key) < 32 and any(is_composed(k) for k in key):
        return tuple(key)
    return (key,)


def is_composed(k: Any) -> bool:
    """Whether a list with this element means several indices."""
    if k is None or k is Ellipsis or isinstance(k, Tensor | slice):
        return True
    return isinstance(k, list | tuple | range | np.ndarray)


def expanded(keys: tuple[Any, ...], ndim: int) -> list[Any]:
    """The key with lists as arrays, and full slices for an ellipsis and what was left out."""
    keys = tuple(as_index(k) for k in keys)
    used = sum_of_dims(keys)
    if ndim == 0 and used == len(keys) == 1:
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python to convert a 0-dim "
            "tensor to a number"
        )
    if used > ndim:
        raise IndexError(f"too many indices for tensor of dimension {ndim}")
    ellipses = [i for i, k in enumerate(keys) if k is Ellipsis]
    full = [slice(None)] * (ndim - used)
    if not ellipses:
        return [*keys, *full]
    place, *more = ellipses
    rest = [k for k in keys[place + 1 :] if k is not Ellipsis]
    if more and full and any(k is not Ellipsis for k in keys[more[0] :]):
        raise IndexError("an index can only have a single ellipsis ('...') with parts after it")
    return [*keys[:place], *full, *rest]


def sum_of_dims(keys: tuple[Any, ...]) -> int:
    total = 0
    for k in keys:
        if k is None or k is Ellipsis or isinstance(k, bool):
            continue
        total += k.ndim if is_array(k) and k.dtype.kind == "b" else 1
    return total


def is_array(k: Any) -> bool:
    return hasattr(k, "strides") and not isinstance(k, np.generic)


def as_index(k: Any) -> Any:
    """One part of a key: an int, slice, None, Ellipsis, bool, or an array of integers or bools."""
    if type(k) in TENSORS:
        k = k.array
        if k.dtype.kind in "iub" and not k.ndim and not kernels.is_batched(k):
            number = (k if isinstance(k, np.ndarray) else k.to_host()).item()
            return bool(number) if k.dtype == np.uint8 else number
    elif isinstance(k, list | tuple | range | np.ndarray):
        k = array_index(k)
    if k is None or k is Ellipsis or isinstance(k, bool | slice):
        return k
    if isinstance(k, np.bool_):
        return bool(k)
    if is_array(k):
        if k.dtype == np.uint8:  # an old form of masks, which torch still takes
            return ne(k, 0)
        if k.dtype.kind not in "iub" or k.dtype.itemsize == 2 or k.dtype == np.int8:
            raise IndexError(
                "tensors used as indices must be long, int, byte or bool tensors, "
                f"but this one is {k.dtype}"
            )
        return k if k.dtype.kind == "b" else k.astype(np.int64, copy=False)
    if hasattr(k, "__index__"):
        return as_int(k)
    error = TypeError if isinstance(k, str) else IndexError
    raise error(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
        f"indices (got {type(k).__name__})"
    )


def array_index(k: Any) -> Any:
    """A list or a NumPy array as an index: bools are a mask, other numbers become int64."""
    if isinstance(k, list | tuple) and any(type(element) in TENSORS for element in k):
        k = [element.host_array() if type(element) in TENSORS else element for element in k]
    array = np.asarray(k)
    if not array.size and array.dtype.kind == "f":
        array = array.astype(np.int64)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"an index of {array.dtype}: integers or bools are wanted")
    if not array.ndim:
        return array.item()
    return array if array.dtype.kind == "b" or array.dtype == np.uint8 else array.astype(np.int64)


def basic_part(x: Tensor, keys: list[Any]) -> tuple[Tensor, Indices]:
    """Apply the ints, slices and Nones one after the other, as views; return the arrays left."""
    axis = selected = 0  # dimensions of x so far: those that stay, those that went away
    indices: Indices = []
    for k in keys:
        if k is None or isinstance(k, bool):
            x = unsqueeze(x, axis)
            indices.append(None if k is None else np.full(1 if k else 0, 0))
            axis += 1
        elif isinstance(k, slice):
            if not takes_all(k, x.array.shape[axis]):
                x = sliced(x, axis, k)
            indices.append(None)
            axis += 1
        elif is_array(k):
            found = positions(k, x, axis)
            indices += found
            axis += len(found)
        else:
            n = x.array.shape[axis]
            if not -n <= k < n:
                dimension = axis + selected
                raise IndexError(
                    f"index {k} is out of bounds for dimension {dimension} with size {n}"
                )
            x = select(x, axis, k)
            selected += 1
    return x, indices


def takes_all(k: slice, n: int) -> bool:
    """Whether a slice leaves n places as they are.  (torch looks at what was written: -n: does
    not count.)"""
    start, stop, step = as_int(k.start), as_int(k.stop), as_int(k.step)
    return not start and step in (None, 1) and (stop is None or stop >= n)


def sliced(x: Tensor, axis: int, k: slice) -> Tensor:
    step = as_int(k.step)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if step is not None and step < 0:
        raise ValueError("step must be greater than zero")
    bounds = slice(as_int(k.start), as_int(k.stop), step)
    return part(x, (*[slice(None)] * axis, bounds, ...), SliceBackward0)


def as_int(k: Any) -> Any:
    """An int, a tensor of one, or None for what a slice leaves open."""
    if k is None:
        return None
    if not hasattr(k, "__index__"):
        raise TypeError("slice indices must be integers or None or have an __index__ method")
    number = int(k.__index__())
    if not -(2**63) <= number < 2**63:
        raise ValueError("Overflow when unpacking long long")
    return number


def positions(k: Array, x: Tensor, axis: int) -> list[Array]:
    """The integer arrays that an index array stands for, checked and without negatives."""
    if type(x.array) is np.ndarray and type(k) is not np.ndarray and not kernels.is_batched(k):
        raise RuntimeError(
            "indices should be either on cpu or on the same device as the indexed tensor (cpu)"
        )
    if k.dtype.kind == "b":
        if k.shape != x.array.shape[axis : axis + k.ndim]:
            raise IndexError(
                f"The shape of the mask {list(k.shape)} at index 0 does not match the shape of the "
                f"indexed tensor {list(x.array.shape)} at index {axis}"
            )
        rows = kernels.nonzero(kernels.moved_to(k, x.array))
        return [rows[:, i] for i in range(k.ndim)]
    return [in_bounds(kernels.moved_to(k, x.array), axis, x.array.shape[axis])]


def in_bounds(k: Array, axis: int, n: int) -> Array:
    """An index array with negative places counted from the end.  IndexError for those beyond."""
    if not k.size:
        return k
    lowest, highest = ends_of(k)
    if lowest < -n or highest >= n:
        wrong = lowest if lowest < -n else highest
        raise IndexError(f"index {wrong} is out of bounds for dimension {axis} with size {n}")
    return where(lt(k, 0), add_number(k, n), k) if lowest < 0 else k


def ends_of(k: Array) -> tuple[int, int]:
    """The smallest and the largest of some integers (of all samples, under vmap)."""
    k = kernels.physical(k)
    axes = tuple(range(k.ndim))
    lowest, highest = kernels.amin(k, axes, False), kernels.amax(k, axes, False)
    return int(kernels.to_host(lowest)), int(kernels.to_host(highest))


def add_number(k: Array, n: int) -> Array:
    return kernels.add(k, kernels.full((), n, k.dtype, k))


# ------------------------------------------------------------------------- picking by index arrays


class IndexBackward0(Node):
    """Saves the index arrays: writing to one would send gradients elsewhere."""

    __slots__ = ("input_shape",)
    input_shape: tuple[int, ...]

    def vjp(self, grad: Either) -> Any:
        return (scatter(grad, list(self.saved_arrays()), self.input_shape),)


class IndexPutBackward0(Node):
    """The derivative of scatter: what was put is picked again."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (index(grad, list(self.saved_arrays())),)


def index(x: Either, indices: Indices) -> Either:
    """x[indices]: the broadcast index arrays' dimensions take the place of the indexed ones if
    those are neighbours, and come first otherwise."""
    if type(x) in TENSORS:
        shape = x.array.shape
        result = index(x.array, indices)
        return record(IndexBackward0, result, (x,), tuple(indices), input_shape=shape)
    axes = [i for i, k in enumerate(indices) if k is not None]
    rest = [i for i in range(x.ndim) if i not in axes]
    arrays = broadcast([indices[i] for i in axes])
    picked = kernels.gather_nd(x.transpose((*axes, *rest)), arrays)
    return picked.transpose(placed(axes, arrays[0].ndim, picked.ndim))


def placed(axes: list[int], index_ndim: int, ndim: int) -> tuple[int, ...]:
    """The order that moves the index dimensions from the front to where they belong."""
    neighbours = axes == list(range(axes[0], axes[0] + len(axes)))
    before = axes[0] if neighbours else 0
    first = range(index_ndim, index_ndim + before)
    return (*first, *range(index_ndim), *range(index_ndim + before, ndim))


def broadcast(arrays: list[Any]) -> tuple[Array, ...]:
    """Index arrays in one shape."""
    try:
        shape = np.broadcast_shapes(*[a.shape for a in arrays])
    except ValueError:
        shapes = ", ".join(str(list(a.shape)) for a in arrays)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        ) from None
    return tuple(kernels.broadcast_to(a, shape) if a.shape != shape else a for a in arrays)


def scatter(values: Either, indices: Indices, shape: tuple[int, ...]) -> Either:
    """Zeros of `shape`, with `values` added where index(_, indices) would read."""
    if type(values) in TENSORS:
        result = scatter(values.array, indices, shape)
        return record(IndexPutBackward0, result, (values,), tuple(indices))
    axes = [i for i, k in enumerate(indices) if k is not None]
    rest = [i for i in range(len(shape)) if i not in axes]
    arrays = broadcast([indices[i] for i in axes])
    order = placed(axes, arrays[0].ndim, values.ndim)
    front = values.transpose(inverse(order))
    moved = tuple(shape[i] for i in (*axes, *rest))
    total = kernels.scatter_add_nd(moved, front.dtype, arrays, front)
    return total.transpose(inverse((*axes, *rest)))
