"""The places where an array is not zero, and what a mask picks."""

from typing import Any

import numpy as np

from minigrad.kernels.jit import kernel

Array = np.ndarray[Any, Any]


@kernel
def select_kernel(x, mask, out):
    """The elements of x where the mask is true go to out, in order.  Each is written; where the
    mask is false, the next one takes its place: no branch to predict."""
    count = np.uint64(0)
    last = np.uint64(out.size - 1)
    for i in range(x.size):
        out[min(count, last)] = x[i]
        count += np.uint64(mask[i])
        if count > last:
            break


@kernel
def scatter_kernel(out, mask, source):
    """The next element of source goes to out where the mask is true."""
    count = np.uint64(0)
    for i in range(out.size):
        if mask[i]:
            out[i] = source[count]
            count += np.uint64(1)


@kernel
def coordinates(flat, shape, rows):
    """The places of a flat array as places of one with a shape, a row each."""
    last = np.uint64(shape.size - 1)
    for i in range(flat.size):
        rest = np.uint64(flat[i])
        for back in range(shape.size - 1):
            axis = last - np.uint64(back)
            size = np.uint64(shape[axis])
            quotient = rest // size
            rows[i, axis] = rest - quotient * size
            rest = quotient
        rows[i, 0] = rest


def nonzero(mask: Array) -> Array:
    """The positions of the elements that are not zero, one a row: (count, ndim) int64."""
    if mask.ndim == 0:
        return np.zeros((np.count_nonzero(mask), 0), np.int64)
    flat = np.flatnonzero(mask)
    if mask.ndim == 1:
        return flat.reshape(-1, 1)
    rows = np.empty((flat.size, mask.ndim), np.int64)
    coordinates(flat, np.array(mask.shape), rows)
    return rows


def masked_select(x: Array, mask: Array) -> Array:
    """The elements of x where a mask of its shape is true, in one dimension."""
    flat = np.ascontiguousarray(mask).reshape(-1)
    out = np.empty(np.count_nonzero(flat), x.dtype)
    if out.size:
        words = f"u{x.itemsize}"
        elements = np.ascontiguousarray(x).reshape(-1)
        select_kernel(elements.view(words), flat.view(np.uint8), out.view(words))
    return out


def masked_scatter(x: Array, mask: Array, source: Array) -> Array:
    """A copy of x with the elements of `source`, in order, where a mask of its shape is true.

    RuntimeError where they are not enough.
    """
    flat = np.ascontiguousarray(mask).reshape(-1)
    if np.count_nonzero(flat) > source.size:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    out = np.array(x, order="C")
    words = f"u{x.itemsize}"
    elements = np.ascontiguousarray(source).reshape(-1).view(words)
    scatter_kernel(out.reshape(-1).view(words), flat, elements)
    return out
