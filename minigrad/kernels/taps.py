"""Taps: which numbers of a dimension are added up, with which weights, for each of a new size.

Averages over windows and interpolation are all of this kind, one dimension at a time, and so are
their derivatives: a matrix of which only a stretch of each row is not zero, and its transpose.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Taps:
    """Number i of the result is the sum of weights[i, k] x[starts[i] + k] over k < counts[i]."""

    size: int  # of x
    starts: Array
    counts: Array
    weights: Array  # (result, the largest count)

    @functools.cached_property
    def transposed(self) -> Taps:
        """Which numbers of the result a number of x went into, as taps of the result."""
        matrix = np.zeros((len(self.starts), self.size), self.weights.dtype)
        used = np.zeros(matrix.shape, bool)
        for i, (start, count) in enumerate(zip(self.starts, self.counts, strict=True)):
            matrix[i, start : start + count] = self.weights[i, :count]
            used[i, start : start + count] = True
        taken = used.any(0)
        starts = np.where(taken, used.argmax(0), 0)
        stops = np.where(taken, len(used) - used[::-1].argmax(0), 0)
        return taps(starts, stops, matrix.T, len(used))

    @functools.cached_property
    def picks(self) -> bool:
        """Whether each number of the result is one of x."""
        return bool((self.counts == 1).all() and (self.weights == 1).all())

    @functools.cached_property
    def keeps(self) -> bool:
        """Whether the result is x."""
        return self.picks and np.array_equal(self.starts, np.arange(self.size))

    def scaled(self, factor: float) -> Taps:
        return Taps(self.size, self.starts, self.counts, self.weights * factor)

    def of_dtype(self, dtype: Any) -> tuple[Array, Array, Array]:
        """What a kernel takes."""
        return self.starts, self.counts, self.weights.astype(dtype, copy=False)


def taps(starts: Array, stops: Array, matrix: Array, size: int) -> Taps:
    """Taps from the matrix, of which row i is used from starts[i] to stops[i]."""
    counts = stops - starts
    width = max(int(counts.max(initial=0)), 1)
    weights = np.zeros((len(starts), width), matrix.dtype)
    for i, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        weights[i, : stop - start] = matrix[i, start:stop]
    return Taps(size, starts.astype(np.int64), counts.astype(np.int64), weights)


def constant_taps(starts: Array, stops: Array, weights: Array, size: int) -> Taps:
    """Taps with one weight for all numbers of a window."""
    counts = np.maximum(stops - starts, 0)
    width = max(int(counts.max(initial=0)), 1)
    return Taps(size, starts, counts, np.repeat(weights[:, None], width, 1))


def identity(size: int) -> Taps:
    places = np.arange(size)
    return constant_taps(places, places + 1, np.ones(size), size)
