"""Reductions of arrays over any axes: sum, prod, amax, amin, any, all, argmax, argmin.

Axes are normalised by the caller: non-negative, sorted, no axis twice. Every function returns an
array, a 0-d one when nothing is left. Integers, bools and argmax go to NumPy, which is exact and as
fast; floats have kernels here, since NumPy warns on overflow, adds columns of float32 one by one
and is slow on short rows.

A contiguous array whose reduced axes are neighbours is three numbers: outer blocks of `length`
times `inner` elements, where `length` goes. Several groups of axes are reduced one after the other,
from the last; other layouts are first put into memory order.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from minigrad.kernels import threads
from minigrad.kernels.cpu.vector_math import maximum
from minigrad.kernels.jit import kernel

Array = np.ndarray[Any, Any]
Axes = tuple[int, ...]

BLOCK = 1024  # elements added in their own type before they go to the float64 total
BLOCK_ROWS = 128  # the same where rows are added to each other
TILE = 1024  # columns handled together: their totals stay in the first-level cache
LARGE = 1 << 21  # elements from which threads pay
PIECES = 16  # fixed, so that the result does not depend on the number of threads
NARROW = 64  # rows shorter than this are reduced several side by side


# ---------------------------------------------------------------------------------------- kernels
# Each computes sign * reduction(sign * x): with sign = -1 a maximum becomes the minimum.
@kernel(reassoc=True)
def sum_rows(x, out, start, stop, length, sign):
    """out[i] = sum of row i of x, for rows start to stop of `length` elements each."""
    kind = x.dtype.type
    for i in range(start, stop):
        row = x[i * length : (i + 1) * length]
        total = 0.0
        for begin in range(0, length, BLOCK):
            block = row[begin : begin + BLOCK]
            part = kind(0)
            for j in range(block.size):
                part += block[j]
            total += part
        out[i] = kind(sign * total)


@kernel(reassoc=True)
def max_rows(x, out, start, stop, length, sign):
    """out[i] = maximum of row i of x; NaN wins."""
    kind = x.dtype.type
    factor = kind(sign)
    for i in range(start, stop):
        row = x[i * length : (i + 1) * length]
        largest = kind(-np.inf)
        for j in range(length):
            largest = maximum(largest, factor * row[j])
        out[i] = factor * largest


@kernel(reassoc=True)
def sum_columns(x, out, start, stop, length, inner, sign):
    """out[i, :] = sum over k of x[i, k, :], for blocks start to stop of (length, inner)."""
    kind = x.dtype.type
    part, total = np.empty(TILE, x.dtype), np.empty(TILE, np.float64)
    for i in range(start, stop):
        for left in range(0, inner, TILE):
            width = min(TILE, inner - left)
            total[:width] = 0.0
            for top in range(0, length, BLOCK_ROWS):
                part[:width] = kind(0)
                for k in range(top, min(top + BLOCK_ROWS, length)):
                    first = (i * length + k) * inner + left
                    row = x[first : first + width]
                    for j in range(row.size):
                        part[j] += row[j]
                for j in range(width):
                    total[j] += part[j]
            goal = out[i * inner + left : i * inner + left + width]
            for j in range(goal.size):
                goal[j] = kind(sign * total[j])


@kernel(reassoc=True)
def product_rows(x, out, start, stop, length, sign):
    """out[i] = product of row i of x, for rows start to stop of `length` elements each."""
    kind = x.dtype.type
    for i in range(start, stop):
        row = x[i * length : (i + 1) * length]
        total = kind(1)
        for j in range(length):
            total *= row[j]
        out[i] = total


@kernel(reassoc=True)
def product_columns(x, out, start, stop, length, inner, sign):
    """out[i, :] = product over k of x[i, k, :]"""
    kind = x.dtype.type
    for i in range(start, stop):
        for left in range(0, inner, TILE):
            width = min(TILE, inner - left)
            goal = out[i * inner + left : i * inner + left + width]
            goal[:] = kind(1)
            for k in range(length):
                first = (i * length + k) * inner + left
                row = x[first : first + width]
                for j in range(row.size):
                    goal[j] *= row[j]


@kernel(reassoc=True)
def number_sum_rows(x, out, start, stop, length, sign):
    """sum_rows of what is not NaN."""
    kind = x.dtype.type
    for i in range(start, stop):
        row = x[i * length : (i + 1) * length]
        total = 0.0
        for begin in range(0, length, BLOCK):
            block = row[begin : begin + BLOCK]
            part = kind(0)
            for j in range(block.size):
                part += block[j] if block[j] == block[j] else kind(0)
            total += part
        out[i] = kind(total)


@kernel(reassoc=True)
def number_sum_columns(x, out, start, stop, length, inner, sign):
    """sum_columns of what is not NaN."""
    kind = x.dtype.type
    total = np.empty(TILE, np.float64)
    for i in range(start, stop):
        for left in range(0, inner, TILE):
            width = min(TILE, inner - left)
            total[:width] = 0.0
            for k in range(length):
                first = (i * length + k) * inner + left
                row = x[first : first + width]
                for j in range(row.size):
                    total[j] += row[j] if row[j] == row[j] else kind(0)
            goal = out[i * inner + left : i * inner + left + width]
            for j in range(goal.size):
                goal[j] = kind(total[j])


@kernel
def best_in_columns(x, best, places, start, stop, length, inner, sign):
    """places[i, :] = the k of the largest sign * x[i, k, :], the first of equals; NaN wins."""
    kind = x.dtype.type
    factor = kind(sign)
    for i in range(start, stop):
        top, at = best[i * inner : (i + 1) * inner], places[i * inner : (i + 1) * inner]
        for k in range(length):
            first = (i * length + k) * inner
            row = x[first : first + inner]
            for j in range(row.size):
                value, old = factor * row[j], top[j]
                wins = k == 0 or value > old or (value != value and old == old)
                top[j] = value if wins else old
                at[j] = k if wins else at[j]


@kernel(reassoc=True)
def max_columns(x, out, start, stop, length, inner, sign):
    """out[i, :] = maximum over k of x[i, k, :]; NaN wins."""
    kind = x.dtype.type
    factor = kind(sign)
    for i in range(start, stop):
        for left in range(0, inner, TILE):
            width = min(TILE, inner - left)
            goal = out[i * inner + left : i * inner + left + width]
            goal[:] = kind(-np.inf)
            for k in range(length):
                first = (i * length + k) * inner + left
                row = x[first : first + width]
                for j in range(row.size):
                    goal[j] = maximum(goal[j], factor * row[j])
            for j in range(goal.size):
                goal[j] = factor * goal[j]


class Reduction:
    """One reduction: its kernels for floats, NumPy's function for integers.  `option` is the last
    argument of the kernels: a sign, or the power of a norm."""

    def __init__(
        self,
        rows: Any,
        columns: Any,
        integers: Callable[..., Any],
        option: int = 1,
        of_parts: "Reduction | None" = None,
    ):
        self.rows, self.columns, self.integers, self.option = rows, columns, integers, option
        self.of_parts = of_parts or self  # what joins the results of several parts
        # dtype -> machine code. Called directly it skips Numba's look at the arguments (120 ns) and
        # every check with it: arrays must be flat, contiguous and of that dtype.
        self.rows_code: dict[Any, Callable[..., None]] = {}
        self.columns_code: dict[Any, Callable[..., None]] = {}

    def compile(self, dtype: Any) -> None:
        """Fill in the machine code for float32 or float64."""
        flat = {"f": types.float32, "d": types.float64}[dtype.char][::1]
        self.rows_code[dtype] = self.rows.compile((flat, flat) + (types.intp,) * 4)
        self.columns_code[dtype] = self.columns.compile((flat, flat) + (types.intp,) * 5)
        if self.of_parts is not self:
            self.of_parts.compile(dtype)

    def over(self, x: Array, axes: Axes, keepdim: bool) -> Array:
        """Reduce an array of any dtype and layout."""
        code = self.rows_code.get(x.dtype)
        if code is None or not x.flags.c_contiguous:
            return self.over_anything(x, axes, keepdim)
        shape = x.shape
        if len(axes) == len(shape) and x.size < LARGE:  # the short way to a number
            out = np.empty(1, x.dtype)
            code(x if len(shape) == 1 else x.reshape(-1), out, 0, 1, x.size, self.option)
            return out.reshape((1,) * len(shape) if keepdim else ())
        first, stop = (axes[0], axes[-1] + 1) if axes else (0, 0)
        if len(axes) != stop - first:
            return self.over_groups(x, axes, keepdim)
        outer, inner = math.prod(shape[:first]), math.prod(shape[stop:])
        flat = self.flat(x.reshape(-1), outer, math.prod(shape[first:stop]), inner)
        kept = (1,) * len(axes) if keepdim else ()
        return flat.reshape(shape[:first] + kept + shape[stop:])

    def over_anything(self, x: Array, axes: Axes, keepdim: bool) -> Array:
        """Integers, half precision, dtypes met for the first time, arrays not in C order."""
        if x.dtype.kind != "f":
            dtype = np.int64 if self in (SUM, PRODUCT) else x.dtype
            return np.asarray(self.integers(x, axes, dtype, None, keepdim))
        if x.dtype == np.float16:
            with np.errstate(over="ignore"):
                return self.over(x.astype(np.float32), axes, keepdim).astype(np.float16)
        if x.dtype not in self.rows_code:
            self.compile(x.dtype)
            return self.over(x, axes, keepdim)
        order = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
        back = [order.index(axis) for axis in range(x.ndim)]
        in_order = np.ascontiguousarray(x.transpose(order))  # no copy if x has no gaps
        result = self.over(in_order, tuple(sorted(back[axis] for axis in axes)), True)
        return drop(np.ascontiguousarray(result.transpose(back)), axes, keepdim)

    def over_groups(self, x: Array, axes: Axes, keepdim: bool) -> Array:
        """Axes that are not neighbours: one run of neighbours after the other, from the last."""
        run: list[int] = []
        reduction = self
        for axis in reversed(axes):
            if run and run[0] != axis + 1:
                x, run = reduction.over(x, tuple(run), True), []
                reduction = self.of_parts
            run.insert(0, axis)
        return drop(reduction.over(x, tuple(run), True), axes, keepdim)

    def flat(self, x: Array, outer: int, length: int, inner: int) -> Array:
        """Reduce the middle of a flat (outer, length, inner) to a flat (outer, inner)."""
        if outer == 1 and 1 < inner < NARROW and length > 8 * NARROW:
            return self.joined(x, 1, length // NARROW, inner, side_by_side=NARROW)
        if outer == 1 and x.size > LARGE and length >= PIECES * PIECES:
            return self.joined(x, PIECES, length // PIECES, inner)
        out = np.empty(outer * inner, x.dtype)
        sizes: tuple[int, ...] = (length, self.option)
        code = self.rows_code[x.dtype]
        if inner != 1:
            sizes, code = (length, inner, self.option), self.columns_code[x.dtype]
        if x.size < LARGE:
            code(x, out, 0, outer, *sizes)
        else:
            threads.split(outer, 1, lambda start, stop: code(x, out, start, stop, *sizes))
        return out

    def joined(self, x: Array, outer: int, length: int, inner: int, side_by_side: int = 1) -> Array:
        """Reduce one long column of rows in parts, then the parts and what was left over.

        Parts are pieces for threads (outer), or short rows taken together as one that vectorises.
        """
        used = outer * length * side_by_side * inner
        parts = self.flat(x[:used], outer, length, side_by_side * inner)
        if used < x.size:  # of nothing there may be no such number: the largest is -inf
            rest = self.flat(x[used:], 1, (x.size - used) // inner, inner)
            parts = np.concatenate([parts, rest])
        return self.of_parts.flat(parts, 1, parts.size // inner, inner)


def drop(x: Array, axes: Axes, keepdim: bool) -> Array:
    """Take out axes of one element."""
    return x if keepdim else x.squeeze(axes)


SUM = Reduction(sum_rows, sum_columns, np.add.reduce)
MAX = Reduction(max_rows, max_columns, np.maximum.reduce)
MIN = Reduction(max_rows, max_columns, np.minimum.reduce, -1)
PRODUCT = Reduction(product_rows, product_columns, np.multiply.reduce)
# inf - inf in one part is NaN, which counts when the parts are added.
NUMBER_SUM = Reduction(number_sum_rows, number_sum_columns, np.add.reduce, of_parts=SUM)
is_any: Callable[..., Any] = np.logical_or.reduce
is_all: Callable[..., Any] = np.logical_and.reduce


# ------------------------------------------------------------------------------- the routines
def sum(x: Array, axes: Axes, keepdim: bool) -> Array:
    """Sum over axes; 0 over an empty axis. Integers and bools give int64."""
    return SUM.over(x, axes, keepdim)


def amax(x: Array, axes: Axes, keepdim: bool) -> Array:
    """Maximum over axes, NaN if there is one."""
    return MAX.over(x, axes, keepdim)


def amin(x: Array, axes: Axes, keepdim: bool) -> Array:
    """Minimum over axes, NaN if there is one."""
    return MIN.over(x, axes, keepdim)


def nansum(x: Array, axes: Axes, keepdim: bool) -> Array:
    """Sum of the floats that are not NaN."""
    return NUMBER_SUM.over(x, axes, keepdim)


def prod(x: Array, axes: Axes, keepdim: bool) -> Array:
    """Product over axes; 1 over an empty axis. Integers and bools give int64."""
    return PRODUCT.over(x, axes, keepdim)


def any(x: Array, axes: Axes, keepdim: bool) -> Array:
    """Whether an element is not zero (NaN is not)."""
    return np.asarray(is_any(x, axes, None, None, keepdim))


def all(x: Array, axes: Axes, keepdim: bool) -> Array:
    """Whether no element is zero."""
    return np.asarray(is_all(x, axes, None, None, keepdim))


def argmax(x: Array, axis: int, keepdim: bool) -> Array:
    """First index of the maximum along an axis; NaN counts as the largest."""
    return best_index(x, axis, keepdim, np.argmax, 1)


def argmin(x: Array, axis: int, keepdim: bool) -> Array:
    """First index of the minimum along an axis; NaN counts as the smallest."""
    return best_index(x, axis, keepdim, np.argmin, -1)


def best_index(x: Array, axis: int, keepdim: bool, find: Any, sign: int) -> Array:
    """NumPy is fast along the last axis; along others, whole rows are compared."""
    if x.dtype.char not in "fd" or axis == x.ndim - 1 or not x.flags.c_contiguous:
        return np.asarray(find(x, axis, keepdims=keepdim), dtype=np.int64)
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    outer, inner = math.prod(before), math.prod(after)
    best, places = np.empty(outer * inner, x.dtype), np.zeros(outer * inner, np.int64)
    flat = x.reshape(-1)
    best_in_columns(flat, best, places, 0, outer, x.shape[axis], inner, sign)
    return places.reshape((*before, *(1,) * keepdim, *after))
