"""Signs and whole numbers."""

from __future__ import annotations

import math

from minigrad.ops.define import pointwise


@pointwise(x=lambda grad: 0)
def sign(x):
    """-1, 0 or 1"""
    return 1 if x > 0 else (-1 if x < 0 else 0)


@pointwise(x=lambda grad: 0)
def floor(x):
    """The largest whole number not above x"""
    return math.floor(x)


@pointwise(x=lambda grad: 0)
def ceil(x):
    """The smallest whole number not below x"""
    return math.ceil(x)


@pointwise(x=lambda grad: 0)
def trunc(x):
    """x without its fraction"""
    return math.trunc(x)


@pointwise(x=lambda grad: 0)
def round(x):
    """The nearest whole number; a half goes to the even one"""
    return round(x)


@pointwise(x=lambda grad: grad)
def frac(x):
    """The fraction of x, with its sign"""
    return x - math.trunc(x)
