"""Indexing by integer arrays, and its gradients.

Indices are int64, in bounds and not negative: the caller has checked them and added the size to
negative ones. Equal indices add up in the order of their positions, so results are reproducible.
"""

import math
from typing import Any

import numpy as np

from minigrad.kernels.jit import kernel
from minigrad.kernels.promotion import computed_in, narrowed

Array = np.ndarray[Any, Any]


@kernel
def add_blocks(out, index, values, outer, rows, inner):
    """out[o, index[k], :] += values[o, k, :], all of them flat."""
    count = index.size
    for o in range(outer):
        for k in range(count):
            if not 0 <= index[k] < rows:
                continue  # never write outside, whatever the caller let through
            source, goal = (o * count + k) * inner, (o * rows + index[k]) * inner
            row, total = values[source : source + inner], out[goal : goal + inner]
            for j in range(total.size):
                total[j] += row[j]


@kernel
def add_elements(out, index, values):
    """out[index[k]] += values[k]"""
    rows = np.uint64(out.size)
    for k in range(index.size):
        row = np.uint64(index[k])
        if row < rows:
            out[row] += values[k]


@kernel
def pick_columns(x, index, out):
    """out[o, k] = x[o, index[k]]; an index outside leaves its place as it is."""
    size = np.uint64(x.shape[1])
    for o in range(x.shape[0]):
        row, result = x[o], out[o]
        for k in range(index.size):
            place = np.uint64(index[k])
            if place < size:
                result[k] = row[place]


def add_at(out: Array, index: Array, values: Array, outer: int, rows: int, inner: int) -> None:
    """add_blocks, by the quicker kernel where a row is one element."""
    if inner == outer == 1:
        add_elements(out, index, values)
    else:
        add_blocks(out, index, values, outer, rows, inner)


def take_rows(x: Array, index: Array, axis: int) -> Array:
    """x with `axis` replaced by the axes of `index`: out[..., i, ...] = x[..., index[i], ...]."""
    if x.ndim == axis + 1 > 1 and index.ndim == 1 and index.size:
        return take_columns(x, index)
    return np.asarray(x.take(index, axis))


def take_columns(x: Array, index: Array) -> Array:
    """take_rows along the last of several axes."""
    words = f"u{x.itemsize}"
    rows = np.ascontiguousarray(x).reshape(-1, x.shape[-1]).view(words)
    out = np.empty((*x.shape[:-1], index.size), x.dtype)
    pick_columns(rows, np.ascontiguousarray(index), out.reshape(-1, index.size).view(words))
    return out


def add_rows(shape: tuple[int, ...], index: Array, grad: Array, axis: int) -> Array:
    """The gradient of take_rows: zeros of `shape`, with the rows of `grad` added at `index`."""
    outer, rows, inner = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
    out = zeros_for_sum(shape, grad.dtype)
    flat_index = np.ascontiguousarray(index).reshape(-1)
    add_at(out.reshape(-1), flat_index, flat_for_sum(grad), outer, rows, inner)
    return narrowed(out, grad.dtype)


def index_add(x: Array, index: Array, source: Array, axis: int) -> Array:
    """A copy of x with the rows of `source` added at `index`, a vector."""
    outer, rows, inner = math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :])
    total = np.array(x, computed_in(x.dtype), order="C").reshape(-1)
    flat_index = np.ascontiguousarray(index).reshape(-1)
    add_at(total, flat_index, flat_for_sum(source), outer, rows, inner)
    return narrowed(total, x.dtype).reshape(x.shape)


def gather_nd(x: Array, indices: tuple[Array, ...]) -> Array:
    """x[indices]: index arrays of one shape in place of the leading axes."""
    return np.asarray(x[indices])


def scatter_add_nd(
    shape: tuple[int, ...], dtype: Any, indices: tuple[Array, ...], values: Array
) -> Array:
    """The gradient of gather_nd: zeros of `shape`, with `values` added at the indices."""
    leading, inner = shape[: len(indices)], math.prod(shape[len(indices) :])
    flat_index = indices[0]
    for index, size in zip(indices[1:], leading[1:], strict=True):
        flat_index = flat_index * size + index
    out = zeros_for_sum(shape, dtype)
    add_at(
        out.reshape(-1), flat_index.reshape(-1), flat_for_sum(values), 1, math.prod(leading), inner
    )
    return narrowed(out, dtype)  # not a view: it may become a leaf's .grad as it is


def zeros_for_sum(size: int | tuple[int, ...], dtype: Any) -> Array:
    """Zeros to add to."""
    return np.zeros(size, computed_in(dtype))


def flat_for_sum(values: Array) -> Array:
    """Values to add, flat, float16 as float32."""
    return np.ascontiguousarray(values, computed_in(values.dtype)).reshape(-1)


def repeat_places(repeats: Array, output_size: int) -> Array:
    """Each place of `repeats` as often as it says there.  Their number, unless it is -1."""
    if repeats.size and repeats.min() < 0:
        raise RuntimeError("repeats can not be negative")
    places = np.repeat(np.arange(repeats.size), repeats)
    if output_size not in (-1, places.size):
        raise RuntimeError(
            f"allocated size does not match required size: {output_size}, {places.size}"
        )
    return places
