"""Powers."""

from __future__ import annotations

from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.ops.define import NUMBERS, pointwise
from minigrad.ops.pointwise.choice import where
from minigrad.ops.pointwise.exponential import log


@pointwise(x=lambda grad, x: grad * (2 * x), node="PowBackward0")
def pow_two(x):
    """x * x"""
    return x * x


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


def pow(input: Any, exponent: Any) -> Any:
    """x ** exponent, where either may be a number."""
    if type(exponent) in NUMBERS:
        dtype = getattr(input, "array", input).dtype
        if exponent < 0 and type(exponent) is int and dtype.kind != "f":
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if exponent == 2 and type(exponent) is int and dtype.kind != "b":
            return pow_two(input)
        return pow_number(input, exponent)
    return number_pow(input, exponent) if type(input) in NUMBERS else pow_tensor(input, exponent)


def square(input: Any) -> Any:
    """x * x"""
    return pow_number(input, 2)
