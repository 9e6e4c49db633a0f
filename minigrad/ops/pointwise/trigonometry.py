"""Angles, and the hyperbolic functions."""

from __future__ import annotations

import math

from minigrad.ops.define import pointwise
from minigrad.ops.pointwise.choice import where
from minigrad.ops.pointwise.exponential import rsqrt


@pointwise(x=lambda grad, x: grad * cos(x))
def sin(x):
    return math.sin(x)


@pointwise(x=lambda grad, x: -grad * sin(x))
def cos(x):
    return math.cos(x)


@pointwise(x=lambda grad, result: grad * (1 + result * result))
def tan(x):
    return math.tan(x)


@pointwise(x=lambda grad, x: grad * rsqrt(1 - x * x))
def asin(x):
    return math.asin(x)


@pointwise(x=lambda grad, x: -grad * rsqrt(1 - x * x))
def acos(x):
    return math.acos(x)


@pointwise(x=lambda grad, x: grad / (x * x + 1))
def atan(x):
    return math.atan(x)


@pointwise(
    x=lambda grad, x, y: where(x * x + y * y == 0, 0, grad * (y / (x * x + y * y))),
    y=lambda grad, x, y: where(x * x + y * y == 0, 0, -grad * (x / (x * x + y * y))),
    tensors_only=True,
)
def atan2(x, y):
    """The angle of the point (y, x)"""
    return math.atan2(x, y)


@pointwise(x=lambda grad, x: grad * cosh(x))
def sinh(x):
    return math.sinh(x)


@pointwise(x=lambda grad, x: grad * sinh(x))
def cosh(x):
    return math.cosh(x)


@pointwise(x=lambda grad, result: grad * (1 - result * result))
def tanh(x):
    return math.tanh(x)


@pointwise(x=lambda grad, x: grad * rsqrt(x * x + 1))
def asinh(x):
    return math.asinh(x)


@pointwise(x=lambda grad, x: grad * rsqrt(x * x - 1))
def acosh(x):
    return math.acosh(x)


@pointwise(x=lambda grad, x: grad / (1 - x * x))
def atanh(x):
    return math.atanh(x)


@pointwise(
    x=lambda grad, x, result: grad * (x / result),
    y=lambda grad, y, result: grad * (y / result),
    tensors_only=True,
)
def hypot(x, y):
    """The length of the vector (x, y)"""
    larger, smaller = max(abs(x), abs(y)), min(abs(x), abs(y))
    ratio = smaller / larger  # the squares of large numbers would overflow
    length = larger if larger == 0 else larger * math.sqrt(1 + ratio * ratio)
    return math.inf if abs(x) == math.inf or abs(y) == math.inf else length


@pointwise(x=lambda grad: grad * (math.pi / 180))
def deg2rad(x):
    return x * (math.pi / 180)


@pointwise(x=lambda grad: grad * (180 / math.pi))
def rad2deg(x):
    return x * (180 / math.pi)
