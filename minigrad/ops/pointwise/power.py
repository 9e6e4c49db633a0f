"""Powers."""

from __future__ import annotations

import math
from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.ops.define import NUMBERS, pointwise
from minigrad.ops.pointwise.choice import where
from minigrad.ops.pointwise.exponential import LN2, log


@pointwise(x=lambda grad, x: grad * (2 * x), node="PowBackward0")
def pow_two(x):
    """x * x"""
    return x * x


@pointwise(x=lambda grad, result: grad * (0.5 / result), node="PowBackward0")
def pow_half(x):
    """The square root, which x ** 0.5 is"""
    return math.sqrt(x)


@pointwise(x=lambda grad, x: -0.5 * grad * x**-1.5, node="PowBackward0")
def pow_inverse_half(x):
    """The inverse of the square root, which x ** -0.5 is"""
    return 1 / math.sqrt(x)


@pointwise(x=lambda grad, result: -grad * result * result, node="PowBackward0")
def pow_inverse(x):
    """1 / x, which x ** -1 is"""
    return 1 / x


@pointwise(x=lambda grad, result: grad * (result * LN2), node="PowBackward2")
def power_of_two(x):
    """2 to the power of x"""
    return math.exp2(x)


@pointwise(
    x=lambda grad, x, exponent: where(
        exponent == 0, 0, grad * (exponent * pow_number(x, exponent - 1))
    ),
    node="PowBackward0",
)
def pow_number(x, exponent: Number):
    """x to the power of a number; the first few are plain products"""
    if exponent == 2:
        return x * x
    if exponent == 1:
        return x
    if exponent == 3:
        return x * x * x
    return x**exponent


@pointwise(
    x=lambda grad, x, y: where(y == 0, 0, grad * (y * x ** (y - 1))),
    y=lambda grad, x, y, result: grad * where((x == 0) & (y >= 0), 0, result * log(x)),
    node="PowBackward1",
)
def pow_tensor(x, y):
    """x to the power of y, element by element"""
    return x**y


@pointwise(
    y=lambda grad, base, y, result: grad * where((base == 0) & (y >= 0), 0, result * log(base)),
    node="PowBackward2",
)
def number_pow(base: Number, y):
    """A number to the power of y"""
    return base**y


USUAL_EXPONENTS = {0.5: pow_half, -0.5: pow_inverse_half, -1: pow_inverse}


def pow(input: Any, exponent: Any) -> Any:
    """x ** exponent, where either may be a number."""
    if type(exponent) in NUMBERS:
        dtype = getattr(input, "array", input).dtype
        if exponent < 0 and type(exponent) is int and dtype.kind != "f":
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if exponent == 2 and type(exponent) is int and dtype.kind != "b":
            return pow_two(input)
        if exponent in USUAL_EXPONENTS and dtype.kind == "f":
            return USUAL_EXPONENTS[exponent](input)
        return pow_number(input, exponent)
    if type(input) not in NUMBERS:
        return pow_tensor(input, exponent)
    dtype = getattr(exponent, "array", exponent).dtype
    if input == 2 and dtype.kind == "f":
        return power_of_two(exponent)
    return number_pow(input, exponent)


def square(input: Any) -> Any:
    """x * x"""
    return pow_number(input, 2)
