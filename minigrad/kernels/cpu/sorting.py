"""Sorting along an axis, and what is found by order: the k largest, the k-th, the most frequent.

Elements are sorted by unsigned keys of their own width, whose order is theirs: of a float the bits,
all flipped where it is negative, else the sign alone; both zeros have one key, and every NaN the
largest.  Descending order flips the keys, so that equal elements keep their order in it, too.

Keys are sorted digit by digit, from the last, each pass putting them into buckets (radix sort).
"""

from typing import Any

import numpy as np

from minigrad.kernels.cpu.reductions import amax
from minigrad.kernels.jit import kernel
from minigrad.kernels.promotion import computed_in

Array = np.ndarray[Any, Any]

SHORT = 32  # rows up to this length are sorted by insertion
LONG = 4096  # rows from this length have digits of 11 bits, others of 8
SELECTED = 2048  # up to so many of the largest are kept in order while a row is read


# ---------------------------------------------------------------------------------------- kernels
@kernel
def float_keys(bits, keys, sign, infinity, flip):
    """The keys of floats, of which `bits` are the bits."""
    kind = keys.dtype.type
    for i in range(bits.size):
        b = bits[i]
        magnitude = kind(b & kind(~sign))
        key = kind(~b) if b & sign else kind(b | sign)
        key = sign if magnitude == kind(0) else key
        keys[i] = kind((kind(~kind(0)) if magnitude > infinity else key) ^ flip)


@kernel
def insertion_order(keys, order, rows, length):
    """Sort each row of `keys`, and `order` with it."""
    for r in range(rows):
        key, place = keys[r * length : (r + 1) * length], order[r * length : (r + 1) * length]
        for i in range(length):
            new, k = key[i], i
            while k > 0 and key[k - 1] > new:
                key[k], place[k] = key[k - 1], place[k - 1]
                k -= 1
            key[k], place[k] = new, i


@kernel
def radix_order(keys, order, rows, length, width, digit):
    """The same by digits of `digit` bits, of keys of `width` bits."""
    passes, buckets = (width + digit - 1) // digit, 1 << digit
    mask = keys.dtype.type(buckets - 1)
    counts = np.empty((passes, buckets), np.int64)
    spare_keys, spare_order = np.empty(length, keys.dtype), np.empty(length, order.dtype)
    for r in range(rows):
        key, place = keys[r * length : (r + 1) * length], order[r * length : (r + 1) * length]
        other_key, other_place = spare_keys, spare_order
        counts[:] = 0
        for i in range(length):
            place[i] = i
            rest = key[i]
            for p in range(passes):
                counts[p, rest & mask] += 1
                rest = rest >> digit
        moved = False
        for p in range(passes):
            starts, shift = counts[p], keys.dtype.type(p * digit)
            if starts[(key[0] >> shift) & mask] == length:
                continue  # all have the same digit
            total = 0
            for b in range(buckets):
                total, starts[b] = total + starts[b], total
            for i in range(length):
                bucket = (key[i] >> shift) & mask
                goal = starts[bucket]
                starts[bucket] = goal + 1
                other_key[goal], other_place[goal] = key[i], place[i]
            key, other_key = other_key, key
            place, other_place = other_place, place
            moved = not moved
        if moved:
            other_place[:] = place


@kernel
def least_keys(keys, order, rows, length, k):
    """order[r] = the places of the k smallest keys of row r, the first of equals first."""
    best = np.empty(k, keys.dtype)
    for r in range(rows):
        row, places = keys[r * length : (r + 1) * length], order[r * k : (r + 1) * k]
        count = 0
        for i in range(length):
            new = row[i]
            if count == k and new >= best[k - 1]:
                continue
            count = min(count + 1, k)
            j = count - 1
            while j > 0 and best[j - 1] > new:
                best[j], places[j] = best[j - 1], places[j - 1]
                j -= 1
            best[j], places[j] = new, i


@kernel
def take_along_rows(x, order, out, rows, length, k):
    """out[r, i] = x[r, order[r, i]] for rows of `length` elements, of which k are taken."""
    for r in range(rows):
        row, places = x[r * length : (r + 1) * length], order[r * k : (r + 1) * k]
        goal = out[r * k : (r + 1) * k]
        for i in range(k):
            goal[i] = row[places[i]]


@kernel
def select_ranks(keys, ranks, places, rows, length, width):
    """places[r] = the first place of what sorting would put at ranks[r] of row r.

    Digit by digit, from the first: the keys are counted by digit, and those that have the digit
    in which the rank falls are looked at again.
    """
    counts = np.empty(2048, np.int64)
    kept = np.empty(length, keys.dtype)
    for r in range(rows):
        row = keys[r * length : (r + 1) * length]
        rank, count, shift = ranks[r], length, width
        candidates = row
        while shift > 0 and count > 1:
            digit = min(11, shift)
            shift -= digit
            amount, mask = keys.dtype.type(shift), keys.dtype.type((1 << digit) - 1)
            counts[: 1 << digit] = 0
            for i in range(count):
                counts[(candidates[i] >> amount) & mask] += 1
            bucket = 0
            while rank >= counts[bucket]:
                rank -= counts[bucket]
                bucket += 1
            found = 0
            for i in range(count):
                key = candidates[i]
                kept[found] = key
                found += (key >> amount) & mask == bucket
            candidates, count = kept[:found], found
        for i in range(length):
            if row[i] == candidates[0]:
                places[r] = i
                break


@kernel
def modes(x, order, places, rows, length):
    """places[r] = the last place of the most frequent element of row r, the smallest of them."""
    for r in range(rows):
        row, sorted_places = x[r * length : (r + 1) * length], order[r * length : (r + 1) * length]
        most, run = 0, 0
        for i in range(length):
            same = i > 0 and row[sorted_places[i]] == row[sorted_places[i - 1]]
            run = run + 1 if same else 1
            if run > most:
                most, places[r] = run, sorted_places[i]


# ----------------------------------------------------------------------------------------- layout
def as_rows(x: Array, axis: int) -> tuple[Array, tuple[int, ...]]:
    """x as (rows, length) in C order with `axis` last, float16 as float32; the shape of that."""
    moved = np.moveaxis(x, axis, -1) if x.ndim else x.reshape(1)
    length = moved.shape[-1]
    in_order = np.ascontiguousarray(moved, computed_in(x.dtype))
    return in_order.reshape(moved.size // max(length, 1), length), moved.shape


def from_rows(rows: Array, shape: tuple[int, ...], x: Array, axis: int) -> Array:
    """Results, of which `shape` has the axis last, with the axis where it was."""
    if not x.ndim:
        return rows.reshape(())
    return np.ascontiguousarray(np.moveaxis(rows.reshape(shape), -1, axis))


def without_axis(rows: Array, shape: tuple[int, ...], x: Array, axis: int, keepdim: bool) -> Array:
    """One result a row, in the shape that is left."""
    if not keepdim:
        return rows.reshape(shape[:-1])
    return rows.reshape((*x.shape[:axis], *(1,) * min(x.ndim, 1), *x.shape[axis + 1 :]))


def keys_of(rows: Array, descending: bool) -> Array:
    """The keys of all elements, flat."""
    unsigned = np.dtype(f"u{rows.itemsize}")
    flat = rows.reshape(-1)
    kind, width = unsigned.type, 8 * rows.itemsize
    everything = kind((1 << width) - 1)
    flip, sign = everything if descending else kind(0), kind(1 << (width - 1))
    if rows.dtype.kind == "f":
        keys = np.empty(flat.size, unsigned)
        infinity = np.array(np.inf, rows.dtype).view(unsigned)[()]
        float_keys(flat.view(unsigned), keys, sign, infinity, flip)
        return keys
    if rows.dtype.kind == "i":
        flip = kind(flip ^ sign)
    return flat.view(unsigned) ^ flip


def order_of(rows: Array, descending: bool) -> Array:
    """(rows, length) int64: where the elements of each row are, in order."""
    count, length = rows.shape
    if not rows.size:
        return np.empty(rows.shape, np.int64)
    keys = keys_of(rows, descending)
    if length <= SHORT:
        order = np.empty(rows.size, np.int64)
        insertion_order(keys, order, count, length)
        return order.reshape(rows.shape)
    width = 8 * rows.itemsize
    order = np.empty(rows.size, np.int32)
    radix_order(keys, order, count, length, width, 11 if length >= LONG and width > 16 else 8)
    return order.astype(np.int64).reshape(rows.shape)


def taken(rows: Array, order: Array, dtype: Any) -> Array:
    """The elements of each row at the places in `order`."""
    out = np.empty(order.shape, rows.dtype)
    flat = rows.reshape(-1), order.reshape(-1), out.reshape(-1)
    take_along_rows(*flat, *rows.shape, order.shape[1])
    return out.astype(dtype, copy=False)


# --------------------------------------------------------------------------------------- routines
def sort(x: Array, axis: int, descending: bool) -> tuple[Array, Array]:
    """(values, indices) in order; equal elements stay in theirs, NaN is above all."""
    rows, shape = as_rows(x, axis)
    order = order_of(rows, descending)
    values = taken(rows, order, x.dtype)
    return from_rows(values, shape, x, axis), from_rows(order, shape, x, axis)


def argsort(x: Array, axis: int, descending: bool) -> Array:
    """The indices of sort."""
    rows, shape = as_rows(x, axis)
    return from_rows(order_of(rows, descending), shape, x, axis)


def topk(x: Array, k: int, axis: int, largest: bool) -> tuple[Array, Array]:
    """(values, indices) of the k largest, in order, or of the k smallest; NaN is above all."""
    rows, shape = as_rows(x, axis)
    count, length = rows.shape
    if k > SELECTED or k * k > 8 * length or not x.size:
        order = np.ascontiguousarray(order_of(rows, largest)[:, :k])
    else:
        order = np.empty((count, k), np.int64)
        least_keys(keys_of(rows, largest), order.reshape(-1), count, length, k)
    values, shape = taken(rows, order, x.dtype), (*shape[:-1], k)
    return from_rows(values, shape, x, axis), from_rows(order, shape, x, axis)


def kthvalue(x: Array, k: int, axis: int, keepdim: bool) -> tuple[Array, Array]:
    """(values, indices) of the k-th smallest, from 1; the first of equals."""
    rows, shape = as_rows(x, axis)
    return at_ranks(rows, np.full(len(rows), k - 1), shape, x, axis, keepdim)


def median(x: Array, axis: int, keepdim: bool) -> tuple[Array, Array]:
    """(values, indices) of the medians, the lower of two; NaN where there is one."""
    rows, shape = as_rows(x, axis)
    largest = amax(rows, (1,), False) if rows.size else rows[:, :0]  # NaN, if there is one
    last = rows.shape[1] - 1
    return at_ranks(rows, np.where(largest == largest, last // 2, last), shape, x, axis, keepdim)


def nanmedian(x: Array, axis: int, keepdim: bool) -> tuple[Array, Array]:
    """(values, indices) of the medians of what is not NaN."""
    rows, shape = as_rows(x, axis)
    last = np.maximum(np.count_nonzero(rows == rows, axis=1) - 1, 0)
    return at_ranks(rows, last // 2, shape, x, axis, keepdim)


def at_ranks(
    rows: Array, ranks: Array, shape: tuple[int, ...], x: Array, axis: int, keepdim: bool
) -> tuple[Array, Array]:
    """(values, indices) of what sorting each row would put at its rank."""
    places = np.zeros(len(rows), np.int64)
    if rows.size:
        select_ranks(keys_of(rows, False), ranks, places, *rows.shape, 8 * rows.itemsize)
    return picked(rows, places, shape, x, axis, keepdim)


def picked(
    rows: Array, places: Array, shape: tuple[int, ...], x: Array, axis: int, keepdim: bool
) -> tuple[Array, Array]:
    values = rows[np.arange(len(rows)), places].astype(x.dtype, copy=False)
    return (
        without_axis(values, shape, x, axis, keepdim),
        without_axis(places, shape, x, axis, keepdim),
    )


def mode(x: Array, axis: int, keepdim: bool) -> tuple[Array, Array]:
    """(values, indices) of the most frequent elements, the smallest of them, and its last place."""
    rows, shape = as_rows(x, axis)
    places = np.zeros(len(rows), np.int64)
    modes(rows.reshape(-1), order_of(rows, False).reshape(-1), places, *rows.shape)
    return picked(rows, places, shape, x, axis, keepdim)
