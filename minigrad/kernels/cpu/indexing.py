"""Indexing by integer arrays, its gradients, and the places of true elements.

Indices are int64, in bounds and not negative: the caller has checked them and added the size to
negative ones. Equal indices add up in the order of their positions, so results are reproducible.
"""

import math
from typing import Any

import numpy as np

from minigrad.kernels.jit import kernel

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


def take_rows(x: Array, index: Array, axis: int) -> Array:
    """x with `axis` replaced by the axes of `index`: out[..., i, ...] = x[..., index[i], ...]."""
    return x.take(index, axis)


def add_rows(shape: tuple[int, ...], index: Array, grad: Array, axis: int) -> Array:
    """The gradient of take_rows: zeros of `shape`, with the rows of `grad` added at `index`."""
    outer, rows, inner = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
    out = zeros_for_sum(outer * rows * inner, grad.dtype)
    flat_index = np.ascontiguousarray(index).reshape(-1)
    add_blocks(out, flat_index, flat_for_sum(grad), outer, rows, inner)
    return rounded(out, grad.dtype).reshape(shape)


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
    out = zeros_for_sum(math.prod(shape), dtype)
    add_blocks(out, flat_index.reshape(-1), flat_for_sum(values), 1, math.prod(leading), inner)
    return rounded(out, dtype).reshape(shape)


def zeros_for_sum(size: int, dtype: Any) -> Array:
    """Zeros to add to; float16 adds up in float32."""
    return np.zeros(size, np.float32 if dtype == np.float16 else dtype)


def flat_for_sum(values: Array) -> Array:
    """Values to add, flat, float16 as float32."""
    wide = values.astype(np.float32) if values.dtype == np.float16 else values
    return np.ascontiguousarray(wide).reshape(-1)


def rounded(total: Array, dtype: Any) -> Array:
    """A total in the dtype of what was added."""
    if total.dtype == dtype:
        return total
    with np.errstate(over="ignore"):  # above 65504 a float16 is inf
        return total.astype(dtype)


def nonzero(mask: Array) -> Array:
    """The positions of the elements that are not zero, one a row: (count, ndim) int64."""
    if mask.ndim == 0:
        return np.zeros((np.count_nonzero(mask), 0), np.int64)
    return np.stack(np.nonzero(mask), axis=1)


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
