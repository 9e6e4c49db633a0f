"""Quotients and what they leave over."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.kernels.codegen import Number
from minigrad.ops.define import NUMBERS, POINTWISE, pointwise
from minigrad.ops.pointwise.rounding import floor, trunc
from minigrad.tensor import TENSORS


@pointwise(x=lambda grad, y: grad / y, y=lambda grad, x, y: -grad * ((x / y) / y))
def div(x, y):
    """x / y"""
    return x / y


@pointwise(x=lambda grad, result: -grad * result * result)
def reciprocal(x):
    """1 / x"""
    return 1 / x


@pointwise(
    x=lambda grad: grad,
    y=lambda grad, x, y: -grad * floor(x / y),
    node="RemainderBackward1",
)
def remainder_tensor(x, y):
    """x modulo y, with the sign of y"""
    return x % y


@pointwise(x=lambda grad: grad, node="RemainderBackward0")
def remainder_number(x, y: Number):
    """x modulo a number, with its sign"""
    return x % y


@pointwise(x=lambda grad: grad, y=lambda grad, x, y: -grad * trunc(x / y), node="FmodBackward1")
def fmod_tensor(x, y):
    """The remainder of x / y, with the sign of x"""
    return abs(x) % abs(y) if x >= 0 else -(abs(x) % abs(y))


@pointwise(x=lambda grad: grad, node="FmodBackward0")
def fmod_number(x, y: Number):
    """The remainder of x by a number, with the sign of x"""
    return abs(x) % abs(y) if x >= 0 else -(abs(x) % abs(y))


@pointwise(no_derivative=True, node="NotImplemented")
def floor_divide(x, y):
    """x / y, rounded down"""
    return x // y


def check_divisor(x: Any, y: Any) -> None:
    """RuntimeError for integers divided by 0.  (A GPU does not look, in torch neither.)"""
    arrays = [kernels.physical(z.array) if type(z) in TENSORS else np.asarray(z) for z in (x, y)]
    if arrays[0].dtype.kind == "f" or arrays[1].dtype.kind == "f":
        return
    if type(arrays[1]) is np.ndarray and arrays[0].size and not arrays[1].all():
        raise RuntimeError("ZeroDivisionError: integers were divided by 0")


def checked_division(op: Any) -> Any:
    @functools.wraps(op)
    def divide(input: Any, other: Any) -> Any:
        check_divisor(input, other)
        return op(input, other)

    return divide


POINTWISE["floor_divide"] = floor_divide = checked_division(floor_divide)


def remainder(input: Any, other: Any) -> Any:
    """x modulo other, with the sign of other"""
    check_divisor(input, other)
    return (remainder_number if type(other) in NUMBERS else remainder_tensor)(input, other)


def fmod(input: Any, other: Any) -> Any:
    """The remainder of x / other, with the sign of x"""
    check_divisor(input, other)
    return (fmod_number if type(other) in NUMBERS else fmod_tensor)(input, other)


def reflected_div(x: Any, other: float) -> Any:
    """other / x, of a number and a tensor"""
    return reciprocal(x) * other
