"""Random numbers on the CPU: arrays filled from the counters of Philox, four elements a turn."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from minigrad.kernels import philox, threads
from minigrad.kernels.cpu.vector_math import (
    call_llvm,
    from_bits,
    sqrt_float32,
    to_bits,
    where,
)
from minigrad.kernels.jit import kernel, scalar

Array = np.ndarray[Any, Any]
LARGE = 1 << 18  # elements from which threads pay


@intrinsic
def fma(typing_context: Any, x: Any, y: Any, z: Any) -> Any:
    """x y + z, rounded once."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return call_llvm(builder, "fma", args)

    return (x(x, y, z), code) if x == y == z and isinstance(x, types.Float) else None


TARGET = philox.Target(scalar, fma, sqrt_float32, to_bits, from_bits, where)
FOUR, ONE, TWO, THREE = np.uint64(4), np.uint64(1), np.uint64(2), np.uint64(3)


@functools.cache
def filling(distribution: str) -> Any:
    """The kernel that fills groups start to stop, of four elements each, of a flat array."""
    formula = philox.DISTRIBUTIONS[distribution](TARGET)
    step = np.uint64(philox.blocks_in_group(distribution))

    def fill(out, seed, offset, a, b, start, stop):
        full = min(stop, out.size // 4)
        for i in range(start, full):
            group = np.uint64(i)
            x0, x1, x2, x3 = formula(seed, offset + step * group, a, b)
            first = FOUR * group
            out[first], out[first + ONE], out[first + TWO], out[first + THREE] = x0, x1, x2, x3
        for i in range(full, stop):
            rest = formula(seed, offset + step * np.uint64(i), a, b)
            for j in range(4 * i, out.size):
                out[j] = rest[j - 4 * i]

    fill.__qualname__ = f"fill_{distribution}"  # by which the kernel cache knows it
    return kernel(fill)


def fill_random(out: Array, distribution: str, seed: int, offset: int, a: Any, b: Any) -> None:
    """Fill a contiguous array from block `offset` on; `a` and `b` are the distribution's two
    parameters, as scalars of the dtype that is computed in."""
    run = filling(distribution)
    flat = out if out.dtype != np.float16 else np.empty(out.shape, np.float32)
    flat = flat.reshape(-1)
    arguments = flat, np.uint64(seed), np.uint64(offset), a, b
    over_groups(flat.size, lambda start, stop: run(*arguments, start, stop))
    if out.dtype == np.float16:
        out.reshape(-1)[...] = flat


def over_groups(size: int, run: Callable[[int, int], object]) -> None:
    groups = -(-size // 4)
    if size < LARGE:
        run(0, groups)
    else:
        threads.split(groups, LARGE // 8, run)


# ------------------------------------------------------------------------------------- dropout

uniform = philox.uniform_32(TARGET)
ZERO_32, ONE_32 = np.float32(0), np.float32(1)


@kernel
def drop_groups(x, out, seed, offset, keep, scale, start, stop):
    """out = x scale where a uniform number is below `keep`, and x 0 elsewhere."""
    kind = x.dtype.type
    zero = kind(0)
    full = min(stop, x.size // 4)
    for i in range(start, full):
        group = np.uint64(i)
        u0, u1, u2, u3 = uniform(seed, offset + group, ZERO_32, ONE_32)
        first = FOUR * group
        out[first] = x[first] * where(u0 < keep, scale, zero)
        out[first + ONE] = x[first + ONE] * where(u1 < keep, scale, zero)
        out[first + TWO] = x[first + TWO] * where(u2 < keep, scale, zero)
        out[first + THREE] = x[first + THREE] * where(u3 < keep, scale, zero)
    for i in range(full, stop):
        rest = uniform(seed, offset + np.uint64(i), ZERO_32, ONE_32)
        for j in range(4 * i, x.size):
            out[j] = x[j] * where(rest[j - 4 * i] < keep, scale, zero)


def dropout(x: Array, seed: int, offset: int, keep: float, scale: float) -> Array:
    """x scaled where the uniform number of an element is below `keep`, and 0 elsewhere."""
    flat = np.ascontiguousarray(x, np.promote_types(x.dtype, np.float32)).reshape(-1)
    out = np.empty(x.shape, flat.dtype)
    numbers = np.uint64(seed), np.uint64(offset), np.float32(keep), flat.dtype.type(scale)
    arguments = flat, out.reshape(-1), *numbers
    over_groups(x.size, lambda start, stop: drop_groups(*arguments, start, stop))
    with np.errstate(over="ignore"):
        return out.astype(x.dtype, copy=False)


# ------------------------------------------------------------------------- orders and choices


words, below = philox.words_64(TARGET), philox.bounded(TARGET.scalar)
FEW = 64  # choices from a row that are kept in order while the row is read


@kernel
def draw_exchanges(exchanges, seed, offset):
    """Element i gets a number from 0 to i."""
    full = exchanges.size // 4
    for i in range(full):
        first = FOUR * np.uint64(i)
        w0, w1, w2, w3 = words(seed, offset + TWO * np.uint64(i))
        exchanges[first] = below(w0, first + ONE)
        exchanges[first + ONE] = below(w1, first + TWO)
        exchanges[first + TWO] = below(w2, first + THREE)
        exchanges[first + THREE] = below(w3, first + FOUR)
    rest = words(seed, offset + TWO * np.uint64(full))
    for i in range(4 * full, exchanges.size):
        exchanges[i] = below(rest[i - 4 * full], np.uint64(i + 1))


@kernel
def exchange(order, exchanges):
    for i in range(order.size - 1, 0, -1):
        j = exchanges[i]
        order[i], order[j] = order[j], order[i]


def permutations(rows: int, n: int, seed: int, offset: int) -> Array:
    """(rows, n) int64: in each row the numbers 0 to n - 1 in random order (Fisher and Yates).

    Each place, from the last, is exchanged with one at or before it.  A row takes the blocks of n
    words of 64 bits.
    """
    small = np.int32 if n < 2**31 else np.int64  # half as much memory to miss the cache in
    order, exchanges = np.empty((rows, n), small), np.empty(n, np.int64)
    order[...] = np.arange(n, dtype=small)
    for number, row in enumerate(order):
        first = offset + number * philox.blocks_for("integers_int64", n)
        draw_exchanges(exchanges, np.uint64(seed), np.uint64(first % 2**64))
        exchange(row, exchanges)
    return order.astype(np.int64)


@kernel
def keep_largest(keys, places, best):
    """places (R, count): those of the largest keys of each row, in order; of equal ones the first
    comes first.  `best` has room for their keys."""
    count = places.shape[1]
    for r in range(keys.shape[0]):
        row, chosen = keys[r], places[r]
        held = 0
        for j in range(row.size):
            if held == count and not row[j] > best[count - 1]:
                continue
            at = held if held < count else count - 1
            while at > 0 and row[j] > best[at - 1]:
                best[at], chosen[at] = best[at - 1], chosen[at - 1]
                at -= 1
            best[at], chosen[at] = row[j], j
            held = min(held + 1, count)


def largest_first(keys: Array, count: int) -> Array:
    """The places of the `count` largest keys along the last axis, the largest first."""
    if count > FEW:
        order = np.argsort(-keys, axis=-1, kind="stable")
        return np.ascontiguousarray(order[..., :count], dtype=np.int64)
    rows = np.ascontiguousarray(keys, np.promote_types(keys.dtype, np.float32))
    places = np.empty((*keys.shape[:-1], count), np.int64)
    best = np.empty(count, rows.dtype)
    keep_largest(rows.reshape(-1, keys.shape[-1]), places.reshape(-1, count), best)
    return places


@kernel
def search_sums(weights, points, places):
    sums = np.empty(weights.shape[1])
    for r in range(weights.shape[0]):
        total, last = 0.0, 0
        for j in range(sums.size):
            total += float(weights[r, j])
            sums[j] = total
            last = j if weights[r, j] > 0 else last
        for j in range(points.shape[1]):
            wanted, low, high = points[r, j] * total, 0, last
            while low < high:
                middle = (low + high) // 2
                if sums[middle] > wanted:
                    high = middle
                else:
                    low = middle + 1
            places[r, j] = low


def places_in_sums(weights: Array, points: Array) -> Array:
    """For points of [0, 1) the first place where the weights' share up to there exceeds them, and
    never one beyond the last weight, though a product may be rounded.

    weights: (..., n), points: (..., count); both with the same leading axes.
    """
    rows = np.ascontiguousarray(weights, np.promote_types(weights.dtype, np.float32))
    places = np.empty(points.shape, np.int64)
    flat = (x.reshape(-1, x.shape[-1]) for x in (rows, np.ascontiguousarray(points), places))
    search_sums(*flat)
    return places
