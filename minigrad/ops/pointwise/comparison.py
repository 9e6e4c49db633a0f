"""Comparisons, and tests of one element."""

from __future__ import annotations

from minigrad.ops.define import pointwise


@pointwise()
def eq(x, y):
    return x == y


@pointwise()
def ne(x, y):
    return x != y


@pointwise()
def lt(x, y):
    return x < y


@pointwise()
def le(x, y):
    return x <= y


@pointwise()
def gt(x, y):
    return x > y


@pointwise()
def ge(x, y):
    return x >= y


@pointwise()
def isnan(x):
    return x != x


@pointwise()
def isinf(x):
    return x == x and x - x != 0


@pointwise()
def isfinite(x):
    return x - x == 0
