"""Indexing: x[...], what it takes apart, and rows by number (embedding, index_select)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.node import Node
from minigrad.ops.pointwise import lt, ne, where
from minigrad.ops.view import (
    AliasBackward0,
    SliceBackward0,
    as_shape,
    part,
    select,
    unsqueeze,
)
from minigrad.shapes import axis_of, inverse
from minigrad.tensor import TENSORS, Tensor, record

Array = Any
Either = Any  # a Tensor or an array: the same comes out as went in
Indices = list[Array | None]  # one a dimension; None takes a dimension whole


def getitem(x: Tensor, key: Any) -> Tensor:
    """x[key]: ints, slices, None and ... give views; integer and bool tensors pick elements."""
    keys = key if isinstance(key, tuple) else (key,)
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
    if len(ellipses) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    full = [slice(None)] * (ndim - used)
    if not ellipses:
        return [*keys, *full]
    (place,) = ellipses
    return [*keys[:place], *full, *keys[place + 1 :]]


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
            return (k if isinstance(k, np.ndarray) else k.to_host()).item()
    elif isinstance(k, list | range):
        k = np.asarray(k, dtype=np.int64 if not len(k) else None)
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
        return k.__index__()
    error = TypeError if isinstance(k, str) else IndexError
    raise error(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
        f"indices (got {type(k).__name__})"
    )


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
    if k.step is not None and k.step <= 0:
        raise ValueError("step must be greater than zero")
    bounds = slice(as_int(k.start), as_int(k.stop), as_int(k.step))
    return part(x, (*[slice(None)] * axis, bounds, ...), SliceBackward0)


def as_int(k: Any) -> int | None:
    return None if k is None else int(k.__index__())


def positions(k: Array, x: Tensor, axis: int) -> list[Array]:
    """The integer arrays that an index array stands for, checked and without negatives."""
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


# ----------------------------------------------------------------------------------- rows by number


class RowsNode(Node):
    __slots__ = ("axis", "input_shape")
    saved_names = ("indices",)
    axis: int
    input_shape: tuple[int, ...]

    def vjp(self, grad: Either) -> Any:
        (indices,) = self.saved_arrays()
        return (add_rows(grad, indices, self.axis, self.input_shape),)


class EmbeddingBackward0(RowsNode):
    __slots__ = ()


class IndexSelectBackward0(RowsNode):
    __slots__ = ()


class AddRowsBackward0(Node):
    """The derivative of add_rows: the rows are taken again."""

    __slots__ = ("axis",)
    saved_names = ("indices",)
    axis: int

    def vjp(self, grad: Either) -> Any:
        (indices,) = self.saved_arrays()
        return (take_rows(grad, indices, self.axis, IndexSelectBackward0),)


def take_rows(x: Either, indices: Array, axis: int, node_type: type[RowsNode]) -> Either:
    if type(x) not in TENSORS:
        return kernels.take_rows(x, indices, axis)
    result = kernels.take_rows(x.array, indices, axis)
    return record(node_type, result, (x,), (indices,), axis=axis, input_shape=x.array.shape)


def add_rows(grad: Either, indices: Array, axis: int, shape: tuple[int, ...]) -> Either:
    if type(grad) not in TENSORS:
        return kernels.add_rows(shape, indices, grad, axis)
    result = kernels.add_rows(shape, indices, grad.array, axis)
    return record(AddRowsBackward0, result, (grad,), (indices,), axis=axis)


def embedding(input: Tensor, weight: Tensor) -> Tensor:
    """The rows of `weight` that `input` numbers: (...) int64 and (V, D) give (..., D)."""
    if input.array.dtype.kind not in "iu":
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {input.dtype} instead"
        )
    if weight.array.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    kernels.check_one_device((weight.array, input.array))
    indices = input.array.astype(np.int64, copy=False)
    check_rows("embedding", indices, weight.array.shape[0])
    return take_rows(weight, indices, 0, EmbeddingBackward0)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The places of one dimension that `index`, a vector, numbers."""
    if index.array.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index.array.dtype.kind not in "iu":
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    axis = axis_of(dim, input.array.ndim)
    indices = index.array.astype(np.int64, copy=False).reshape(-1)
    n = math.prod(input.array.shape[axis : axis + 1])
    kernels.check_one_device((input.array, indices))
    check_rows("index_select", indices, n)
    return take_rows(input, indices, axis, IndexSelectBackward0)


def check_rows(name: str, indices: Array, n: int) -> None:
    if not indices.size:
        return
    lowest, highest = ends_of(indices)
    if lowest < 0 or highest >= n:
        wrong = lowest if lowest < 0 else highest
        raise IndexError(f"index out of range in self: {name} got {wrong}, of {n} rows")
