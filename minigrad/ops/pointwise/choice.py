"""Choosing between elements, and keeping them within bounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.kernels.codegen import Number
from minigrad.ops.arguments import typed
from minigrad.ops.define import NUMBERS, into, pointwise
from minigrad.tensor import TENSORS


@pointwise(
    x=lambda grad, condition: where(condition, grad, 0),
    y=lambda grad, condition: where(condition, 0, grad),
)
def where(condition, x, y):
    """x where the condition holds, y elsewhere"""
    return x if condition else y


@pointwise(
    x=lambda grad, condition: where(condition, 0, grad),
    node="MaskedFillBackward0",
    casts_numbers=True,
    tensors_only=True,
)
def masked_fill_number(x, condition, value: Number):
    """A number where the condition holds, x elsewhere"""
    return value if condition else x


@pointwise(
    x=lambda grad, x, y: where(x < y, 0, where(x == y, grad / 2, grad)),
    y=lambda grad, x, y: where(y < x, 0, where(x == y, grad / 2, grad)),
    tensors_only=True,
)
def maximum(x, y):
    """The larger; NaN if either is; equal elements share the gradient"""
    return max(x, y)


@pointwise(
    x=lambda grad, x, y: where(x > y, 0, where(x == y, grad / 2, grad)),
    y=lambda grad, x, y: where(y > x, 0, where(x == y, grad / 2, grad)),
    tensors_only=True,
)
def minimum(x, y):
    """The smaller; NaN if either is; equal elements share the gradient"""
    return min(x, y)


@pointwise(
    x=lambda grad, x, y: where((x >= y) | (y != y), grad, 0),
    y=lambda grad, x, y: where((x >= y) | (y != y), 0, grad),
    tensors_only=True,
)
def fmax(x, y):
    """The larger; of a number and NaN, the number"""
    return x if x >= y or y != y else y


@pointwise(
    x=lambda grad, x, y: where((x <= y) | (y != y), grad, 0),
    y=lambda grad, x, y: where((x <= y) | (y != y), 0, grad),
    tensors_only=True,
)
def fmin(x, y):
    """The smaller; of a number and NaN, the number"""
    return x if x <= y or y != y else y


@pointwise(
    x=lambda grad, x, low, high: where((x >= low) & (x <= high), grad, 0), node="ClampBackward1"
)
def clamp_numbers(x, low: Number, high: Number):
    """x, kept between two numbers"""
    return min(max(x, low), high)


@pointwise(x=lambda grad, x, low: where(x >= low, grad, 0), node="ClampBackward1")
def clamp_low(x, low: Number):
    return max(x, low)


@pointwise(x=lambda grad, x, high: where(x <= high, grad, 0), node="ClampBackward1")
def clamp_high(x, high: Number):
    return min(x, high)


@pointwise(x=lambda grad, x, min: where(x >= min, grad, 0))
def clamp_min(x, min: Number):
    """x, and at least `min`"""
    return max(x, min)


@pointwise(x=lambda grad, x, max: where(x <= max, grad, 0))
def clamp_max(x, max: Number):
    """x, and at most `max`"""
    return min(x, max)


@pointwise(
    x=lambda grad, x, low, high: where((x >= low) & (x <= high), grad, 0),
    low=lambda grad, x, low, high: where((low < high) & (x < low), grad, 0),
    high=lambda grad, x, low, high: where((low > high) | (x > high), grad, 0),
    node="ClampBackward0",
)
def clamp_tensors(x, low, high):
    """x, kept between two tensors"""
    return min(max(x, low), high)


@pointwise(x=lambda grad, x: where(x - x == 0, grad, 0), node="NanToNumBackward0")
def replace_non_finite(x, nan: Number, posinf: Number, neginf: Number):
    """x where it is finite, else one of three numbers"""
    infinity = posinf if x > 0 else (neginf if x < 0 else nan)
    return x if x - x == 0 else infinity


@typed
def nan_to_num(
    input: Any,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
    *,
    out: Any = None,
) -> Any:
    """x with `nan` (0) for NaN, and for infinities `posinf` and `neginf` (the dtype's extremes)."""
    if out is not None:
        return into(nan_to_num, out, input, nan, posinf, neginf)
    dtype = input.array.dtype
    if dtype.kind != "f":
        return maximum(input, input)  # a new tensor with the same elements
    largest = float(np.finfo(dtype).max)
    return replace_non_finite(
        input,
        0.0 if nan is None else float(nan),
        largest if posinf is None else float(posinf),
        -largest if neginf is None else float(neginf),
    )


def clamp(input: Any, min: Any = None, max: Any = None, *, out: Any = None) -> Any:
    """x, kept between `min` and `max`: numbers, tensors or None."""
    if out is not None:
        return into(clamp, out, input, min, max)
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if type(min) in TENSORS or type(max) in TENSORS:
        lowest, highest = bounds_of(input.array.dtype)
        check_bounds(min, max)
        low, high = lowest if min is None else min, highest if max is None else max
        return clamp_tensors(input, low, high)
    if max is None:
        return clamp_low(input, min)
    return clamp_high(input, max) if min is None else clamp_numbers(input, min, max)


def check_bounds(min: Any, max: Any) -> None:
    """TypeError for a number beside a tensor of several elements."""
    if any(type(x) in NUMBERS for x in (min, max)) and any(np.ndim(x) for x in (min, max)):
        raise TypeError(
            "clamp(): arguments 'min' and 'max' must both be Tensor or both be Number, not "
            f"{type(min).__name__} and {type(max).__name__}"
        )


def bounds_of(dtype: Any) -> tuple[float, float]:
    """The smallest and the largest number of a dtype."""
    if dtype.kind == "f":
        return -math.inf, math.inf
    if dtype.kind == "b":
        return False, True
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
