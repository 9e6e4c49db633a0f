"""What is counted: different elements, elements of each value, elements in each bin."""

import math
from typing import Any

import numpy as np

from minigrad.kernels.cpu.sorting import keys_of, order_of
from minigrad.kernels.jit import kernel
from minigrad.kernels.promotion import computed_in

Array = np.ndarray[Any, Any]


@kernel
def bin_kernel(x, counts, low, high):
    """Count the elements of x in bins of one size from low to high, which the last one includes."""
    kind = x.dtype.type
    width, bins = kind(high) - kind(low), counts.size
    for i in range(x.size):
        if x[i] >= low and x[i] <= high:
            place = int((x[i] - kind(low)) / width * kind(bins))
            counts[min(place, bins - 1)] += 1


def unique(x: Array, with_places: bool) -> tuple[Array, Array | None, Array]:
    """(values in order, the place of each element among them if wanted, how often each occurs)."""
    order = order_of(np.ascontiguousarray(x, computed_in(x.dtype)).reshape(1, -1), False)[0]
    values = x.reshape(-1)[order]
    return runs(values, values[1:] != values[:-1], order if with_places else None, x.shape)


def unique_rows(rows: Array) -> tuple[Array, Array | None, Array]:
    """unique of the rows of a matrix, in lexicographic order."""
    wide = np.ascontiguousarray(rows, computed_in(rows.dtype))
    keys = keys_of(wide, False).reshape(rows.shape)
    order = np.lexsort(keys.T[::-1]) if keys.size else np.arange(len(rows))
    values = rows[order]
    changes = (values[1:] != values[:-1]).any(1)
    return runs(values, changes, order, rows.shape[:1])


def unique_consecutive(rows: Array) -> tuple[Array, Array | None, Array]:
    """The same without sorting: runs of equal rows count as one."""
    changes = (rows[1:] != rows[:-1]).any(tuple(range(1, rows.ndim)))
    return runs(rows, changes, np.arange(len(rows)), rows.shape[:1])


def runs(
    values: Array, changes: Array, order: Array | None, shape: tuple[int, ...]
) -> tuple[Array, Array | None, Array]:
    """One value of each run, the run that each element before sorting is in, and the lengths."""
    starts = np.append(0, np.flatnonzero(changes) + 1)[: len(values)]
    counts = np.diff(starts, append=len(values))
    if order is None:
        return values[starts], None, counts
    inverse = np.zeros(len(values), np.int64)
    inverse[order[1:]] = np.cumsum(changes)
    return values[starts], inverse.reshape(shape), counts


def bincount(x: Array, weights: Array | None, minlength: int) -> Array:
    """How often 0, 1, ... occur; or the sums of their weights."""
    counts = np.bincount(x, weights, minlength)
    if weights is None:
        return counts.astype(np.int64, copy=False)
    return counts.astype(np.float32 if weights.dtype == np.float32 else np.float64, copy=False)


def histc(x: Array, bins: int, low: float, high: float) -> Array:
    """How many elements are in each of `bins` bins of one size between low and high."""
    low, high = bounds("torch.histc", x, low, high)
    counts = np.zeros(bins, np.int64)
    bin_kernel(np.ascontiguousarray(x, computed_in(x.dtype)).reshape(-1), counts, low, high)
    return counts.astype(x.dtype)


def bounds(name: str, x: Array, low: float, high: float, margin: float = 1) -> tuple[float, float]:
    """Where the bins begin and end: at the ends of x, if no others are given, and with a margin
    where these are equal."""
    if low == high and not x.size:
        return 0.0, 1.0
    if low == high:
        low, high = float(x.min()), float(x.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min")
    return (low - margin, high + margin) if low == high else (low, high)


def histogram(
    x: Array, bins: int | Array, ends: tuple[float, float], weight: Array | None, density: bool
) -> tuple[Array, Array]:
    """(counts or sums of weights, edges) of bins of one size between `ends`, or of given edges;
    with `density`, of area 1."""
    if isinstance(bins, int):
        low, high = bounds("torch.histogram", x, *ends, margin=0.5)
        bins = np.linspace(low, high, bins + 1, dtype=x.dtype)
    edges: Array = bins
    x = x.reshape(-1)
    inside = (x >= edges[0]) & (x <= edges[-1])
    places = np.minimum(np.searchsorted(edges, x[inside], "right") - 1, len(edges) - 2)
    weights = None if weight is None else weight.reshape(-1)[inside]
    hist = np.bincount(places, weights, len(edges) - 1).astype(x.dtype)
    return hist / hist.sum() / np.diff(edges) if density else hist, edges
