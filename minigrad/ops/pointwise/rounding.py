"""Signs and whole numbers."""

from __future__ import annotations

import math
from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.ops.define import NUMBERS, into, pointwise
from minigrad.ops.pointwise.choice import where
from minigrad.tensor import TENSORS


@pointwise(x=lambda grad: 0)
def sign(x):
    """-1, 0 or 1"""
    return 1 if x > 0 else (-1 if x < 0 else 0)


@pointwise(x=lambda grad: 0)
def sgn(x):
    """sign, which differs for complex numbers only"""
    return 1 if x > 0 else (-1 if x < 0 else 0)


@pointwise(
    x=lambda grad, x, result: where(x == 0, 0, grad * (result / x)),
    y=lambda grad: 0,
    node="CopysignBackward0",
)
def copysign_tensor(x, y):
    """The size of x with the sign of y, that of -0.0 included"""
    return math.copysign(x, y)


@pointwise(
    x=lambda grad, x, result: where(x == 0, 0, grad * (result / x)), node="CopysignBackward1"
)
def copysign_number(x, y: Number):
    """The size of x with the sign of a number"""
    return math.copysign(x, y)


def copysign(input: Any, other: Any, *, out: Any = None) -> Any:
    """The size of x with the sign of `other`."""
    if out is not None:
        return into(copysign, out, input, other)
    if type(input) not in TENSORS:
        raise TypeError(f"copysign(): argument 'input' must be Tensor, not {type(input).__name__}")
    return (copysign_number if type(other) in NUMBERS else copysign_tensor)(input, other)


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


@pointwise(x=lambda grad: 0, node="RoundBackward1")
def round_places(x, scale: Number):
    """x, rounded to a multiple of 1 / scale"""
    return round(x * scale) / scale


@pointwise(x=lambda grad: 0, node="RoundBackward1")
def round_tens(x, scale: Number):
    """x, rounded to a multiple of the scale"""
    return round(x / scale) * scale


def round_decimals(input: Any, *, decimals: int = 0, out: Any = None) -> Any:
    """The nearest number with so many places after the point, or zeros before it if negative."""
    if out is not None:
        return into(round_decimals, out, input, decimals=decimals)
    if type(decimals) is not int:
        kind = type(decimals).__name__
        raise TypeError(f"round(): argument 'decimals' must be int, not {kind}")
    if not decimals:
        return round(input)
    if input.array.dtype.kind != "f":
        raise NotImplementedError(
            f"round with decimals is not implemented for {input.array.dtype}: it needs floats"
        )
    scale = 10.0 ** abs(decimals)
    return round_places(input, scale) if decimals > 0 else round_tens(input, scale)


round_decimals.__name__ = "round"


@pointwise(x=lambda grad: grad)
def frac(x):
    """The fraction of x, with its sign"""
    return x - math.trunc(x)
