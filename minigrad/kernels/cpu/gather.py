"""Reading and writing along an axis, where an index array of as many dimensions says.

An array is taken apart into blocks (outer, n, inner) around the axis.  Indices are int64; the
kernels look at each, and one outside raises.  Equal places are written in the order of positions.
"""

import math
from typing import Any

import numpy as np

from minigrad.kernels.cpu.vector_math import maximum, minimum
from minigrad.kernels.jit import kernel
from minigrad.kernels.promotion import computed_in

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

# What becomes of an element that is written to; of bools, sum is `or` and prod is `and`.
PUT, SUM, PROD, AMAX, AMIN = range(5)
MODES = {"put": PUT, "sum": SUM, "prod": PROD, "amax": AMAX, "amin": AMIN}
OF_BOOLS = {"put": "put", "sum": "amax", "prod": "amin", "amax": "amax", "amin": "amin"}
WORDS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


# ---------------------------------------------------------------------------------------- kernels


@kernel
def gather_blocks(x, index, out):
    """out[o, k, i] = x[o, index[o, k, i], i]; returns the place of an index outside, or -1."""
    outer, picks, inner = index.shape
    rows = np.uint64(x.shape[1])
    for o in range(outer):
        for k in range(picks):
            for i in range(inner):
                row = np.uint64(index[o, k, i])
                if row >= rows:
                    return (o * picks + k) * inner + i
                out[o, k, i] = x[o, row, i]
    return -1


@kernel
def gather_last(x, index, out):
    """gather_blocks for the last axis: out[o, k] = x[o, index[o, k]]."""
    outer, picks = index.shape
    rows = np.uint64(x.shape[1])
    for o in range(outer):
        values, places, result = x[o], index[o], out[o]
        for k in range(picks):
            row = np.uint64(places[k])
            if row >= rows:
                return o * picks + k
            result[k] = values[row]
    return -1


@kernel
def scatter_blocks(out, index, values, mode):
    """out[o, index[o, k, i], i] takes values[o, k, i] in; returns as gather_blocks does."""
    outer, picks, inner = index.shape
    rows = np.uint64(out.shape[1])
    for o in range(outer):
        for k in range(picks):
            for i in range(inner):
                row = np.uint64(index[o, k, i])
                if row >= rows:
                    return (o * picks + k) * inner + i
                value = values[o, k, i]
                if mode == SUM:
                    out[o, row, i] += value
                elif mode == PUT:
                    out[o, row, i] = value
                elif mode == PROD:
                    out[o, row, i] *= value
                elif mode == AMAX:
                    out[o, row, i] = maximum(out[o, row, i], value)
                else:
                    out[o, row, i] = minimum(out[o, row, i], value)
    return -1


@kernel
def add_last(out, index, values):
    """scatter_blocks for sums along the last axis: out[o, index[o, k]] += values[o, k]."""
    outer, picks = index.shape
    rows = np.uint64(out.shape[1])
    for o in range(outer):
        total, places, given = out[o], index[o], values[o]
        for k in range(picks):
            row = np.uint64(places[k])
            if row >= rows:
                return o * picks + k
            total[row] += given[k]
    return -1


# ----------------------------------------------------------------------------------------- layout


def blocks(x: Array, axis: int) -> Array:
    """x as (outer, n, inner), n along `axis`."""
    if not x.ndim:
        return x.reshape(1, 1, 1)
    shape = x.shape
    wanted = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
    return np.ascontiguousarray(x).reshape(wanted)


def region(shape: Shape, index: Array, axis: int) -> Any:
    """The part of an array of `shape` that an index array, smaller beside the axis, reaches; None
    for all of it."""
    if shape[:axis] == index.shape[:axis] and shape[axis + 1 :] == index.shape[axis + 1 :]:
        return None
    return tuple(slice(None if i == axis else n) for i, n in enumerate(index.shape))


def check_found(place: int, index: Array, axis: int, size: int) -> None:
    """RuntimeError for the index at `place`, unless that is -1."""
    if place >= 0:
        wrong = index.reshape(-1)[place]
        raise RuntimeError(f"index {wrong} is out of bounds for dimension {axis} with size {size}")


# --------------------------------------------------------------------------------------- routines


def gather(x: Array, index: Array, axis: int) -> Array:
    """out[..., i, ...] = x[..., index[..., i, ...], ...], in the shape of `index`."""
    out = np.empty(index.shape, x.dtype)
    if not out.size:
        return out
    part = region(x.shape, index, axis)
    words = WORDS[x.itemsize]
    source = blocks(x if part is None else x[part], axis).view(words)
    places, result = blocks(index, axis), blocks(out, axis).view(words)
    if places.shape[2] == 1:
        found = gather_last(source[:, :, 0], places[:, :, 0], result[:, :, 0])
    else:
        found = gather_blocks(source, places, result)
    check_found(found, places, axis, source.shape[1])
    return out


def scatter(x: Array, index: Array, values: Array, axis: int, mode: str) -> Array:
    """A copy of x in which x[..., index[..., i, ...], ...] took values[..., i, ...] in: as `mode`
    says, by "put", "sum", "prod", "amax" or "amin"."""
    return scattered(np.array(x, order="C"), index, values, axis, mode)


def add_along(shape: Shape, index: Array, values: Array, axis: int) -> Array:
    """The gradient of gather: zeros of `shape`, with `values` added where `index` says."""
    return scattered(np.zeros(shape, values.dtype), index, values, axis, "sum")


def scattered(out: Array, index: Array, values: Array, axis: int, mode: str) -> Array:
    """scatter into `out`, which is contiguous."""
    if not index.size:
        return out
    part = region(out.shape, index, axis)
    target = out if part is None else out[part]
    if values.shape != index.shape:
        values = values[tuple(map(slice, index.shape))]
    kept, given = computed(blocks(target, axis), mode), computed(blocks(values, axis), mode)
    places = blocks(index, axis)
    mode = OF_BOOLS[mode] if out.dtype == bool else mode
    if mode == "sum" and places.shape[2] == 1:
        found = add_last(kept[:, :, 0], places[:, :, 0], given[:, :, 0])
    else:
        found = scatter_blocks(kept, places, given, MODES[mode])
    check_found(found, places, axis, kept.shape[1])
    if part is not None or kept.itemsize != out.itemsize:
        store(target, kept)
    return out


def computed(x: Array, mode: str) -> Array:
    """x in the dtype that the kernel works in: any word of its size where values are only moved."""
    if mode == "put":
        return x.view(WORDS[x.itemsize])
    if x.dtype == bool:
        return x.view(np.uint8)
    return x.astype(computed_in(x.dtype), copy=False)


def store(target: Array, kept: Array) -> None:
    """The kernel's result in the place where it belongs."""
    if kept.itemsize == target.itemsize:
        kept = kept.view(target.dtype)
    with np.errstate(over="ignore"):  # above 65504 a float16 is inf
        target[...] = kept.reshape(target.shape)
