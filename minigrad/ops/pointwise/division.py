"""Quotients and what they leave over."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.kernels.codegen import Number
from minigrad.ops.define import NUMBERS, POINTWISE, dtype_of, into, pointwise
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
    rest = abs(x) % abs(y)
    return rest if x > 0 else x * rest if x == 0 else -rest  # of -0., it is -0.


@pointwise(x=lambda grad: grad, node="FmodBackward0")
def fmod_number(x, y: Number):
    """The remainder of x by a number, with the sign of x"""
    rest = abs(x) % abs(y)
    return rest if x > 0 else x * rest if x == 0 else -rest  # of -0., it is -0.


@pointwise(no_derivative=True, node="NotImplemented")
def floor_divide(x, y):
    """x / y, rounded down"""
    return x // y


@pointwise(integers_only=True)
def whole_floor_divide(x, y):
    """x / y of integers, rounded down; the machine's division does not know -2^63 / -1"""
    return -x if y < 0 and y + 1 == 0 else x // y


@pointwise(integers_only=True)
def whole_trunc_divide(x, y):
    """x / y of integers, rounded towards 0"""
    quotient = -x if y < 0 and y + 1 == 0 else x // y
    return quotient + 1 if quotient < 0 and quotient * y != x else quotient


def of_whole_numbers(x: Any, y: Any) -> bool:
    """Whether both are integers, one of them perhaps a bool; RuntimeError for a division by 0.
    (A GPU does not look for zeros, in torch neither.)"""
    arrays = [kernels.physical(z.array) if type(z) in TENSORS else np.asarray(z) for z in (x, y)]
    kinds = arrays[0].dtype.kind + arrays[1].dtype.kind
    if not set("iub").issuperset(kinds):
        return False
    if type(arrays[1]) is np.ndarray and arrays[0].size and not arrays[1].all():
        raise RuntimeError("ZeroDivisionError: integers were divided by 0")
    return kinds != "bb"


def checked_division(op: Any) -> Any:
    @functools.wraps(op)
    def divide(input: Any, other: Any) -> Any:
        return (whole_floor_divide if of_whole_numbers(input, other) else op)(input, other)

    return divide


POINTWISE["floor_divide"] = floor_divide = checked_division(floor_divide)


@pointwise(x=lambda grad: 0, y=lambda grad: 0, node="DivBackward2")
def div_trunc(x, y):
    """x / y without its fraction"""
    return math.trunc(x / y)


@pointwise(x=lambda grad: 0, y=lambda grad: 0, node="DivBackward2")
def div_floor(x, y):
    """x / y, rounded down"""
    return x // y


def rounded_div(
    input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None
) -> Any:
    """x / y: as it is, or rounded to a whole number, down ("floor") or towards 0 ("trunc")."""
    if rounding_mode is None:
        return div(input, other, out=out)
    if out is not None:
        return into(rounded_div, out, input, other, rounding_mode=rounding_mode)
    if type(rounding_mode) is not str:
        kind = type(rounding_mode).__name__
        raise TypeError(f"div(): argument 'rounding_mode' must be str, not {kind}")
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    if all(dtype_of(x).kind == "b" for x in (input, other)):
        raise NotImplementedError(f"div with rounding_mode={rounding_mode!r} of bools")
    if of_whole_numbers(input, other):
        op = whole_trunc_divide if rounding_mode == "trunc" else whole_floor_divide
        return op(input, other)
    return (div_trunc if rounding_mode == "trunc" else div_floor)(input, other)


rounded_div.__name__ = "div"


def remainder(input: Any, other: Any) -> Any:
    """x modulo other, with the sign of other"""
    of_whole_numbers(input, other)
    return (remainder_number if type(other) in NUMBERS else remainder_tensor)(input, other)


def fmod(input: Any, other: Any) -> Any:
    """The remainder of x / other, with the sign of x"""
    of_whole_numbers(input, other)
    return (fmod_number if type(other) in NUMBERS else fmod_tensor)(input, other)


def reflected_div(x: Any, other: float) -> Any:
    """other / x, of a number and a tensor"""
    return reciprocal(x) * other
