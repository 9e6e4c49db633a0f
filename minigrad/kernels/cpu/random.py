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


draw_integers = philox.integers(TARGET)


@kernel
def shuffle_rows(order, seed, offset, blocks):
    """Fisher and Yates: each place from the last is exchanged with one at or before it.

    A row takes `blocks` blocks, two places a block: element i of a row draws from 0 to i.
    """
    zero = np.int64(0)
    for r in range(order.shape[0]):
        row = order[r]
        first = offset + blocks * np.uint64(r)
        for i in range(row.size - 1, 0, -1):
            span = np.uint64(i + 1)
            drawn = draw_integers(seed, first + np.uint64(i // 2), zero, span)
            j = drawn[i % 2]
            row[i], row[j] = row[j], row[i]


def permutations(rows: int, n: int, seed: int, offset: int) -> Array:
    """(rows, n) int64: in each row the numbers 0 to n - 1 in random order."""
    order = np.empty((rows, n), np.int64)
    order[...] = np.arange(n)
    shuffle_rows(order, np.uint64(seed), np.uint64(offset), np.uint64(-(-n // 2)))
    return order


def largest_first(keys: Array, count: int) -> Array:
    """The places of the `count` largest keys along the last axis, the largest first."""
    order = np.argsort(-keys, axis=-1, kind="stable")
    return np.ascontiguousarray(order[..., :count], dtype=np.int64)


def places_in_sums(weights: Array, points: Array) -> Array:
    """For points of [0, 1) the first place where the weights' share up to there exceeds them.

    weights: (..., n), points: (..., count); both with the same leading axes.
    """
    sums = np.cumsum(weights, axis=-1, dtype=np.float64)
    rows, wanted = sums.reshape(-1, sums.shape[-1]), points.reshape(-1, points.shape[-1])
    places = [
        np.minimum(np.searchsorted(row, at * row[-1], "right"), last_weight(row))
        for row, at in zip(rows, wanted, strict=True)
    ]
    return np.array(places, np.int64).reshape(points.shape)


def last_weight(sums: Array) -> Any:
    """The last place with a weight: no point lies beyond it, though a product may be rounded."""
    return np.searchsorted(sums, sums[-1], "left")
