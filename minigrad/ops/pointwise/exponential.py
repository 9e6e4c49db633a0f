"""Exponentials, logarithms and roots."""

from __future__ import annotations

import math
from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.ops.define import into, pointwise
from minigrad.ops.pointwise.choice import where

LN2, LN10 = math.log(2), math.log(10)


@pointwise(x=lambda grad, result: grad * result)
def exp(x):
    return math.exp(x)


@pointwise(x=lambda grad, result: grad * (result * LN2))
def exp2(x):
    return math.exp2(x)


@pointwise(x=lambda grad, result: grad * (result + 1))
def expm1(x):
    return math.expm1(x)


@pointwise(x=lambda grad, x: grad / x)
def log(x):
    return math.log(x)


@pointwise(x=lambda grad, x: grad / (x * LN2))
def log2(x):
    return math.log2(x)


@pointwise(x=lambda grad, x: grad / (x * LN10))
def log10(x):
    return math.log10(x)


@pointwise(x=lambda grad, x: grad / (x + 1))
def log1p(x):
    return math.log1p(x)


@pointwise(x=lambda grad, result: grad / (2 * result))
def sqrt(x):
    return math.sqrt(x)


@pointwise(x=lambda grad, result: -0.5 * grad * (result * result * result))
def rsqrt(x):
    return 1 / math.sqrt(x)


@pointwise(
    x=lambda grad, x, y: grad / (1 + exp(y - x)),
    y=lambda grad, x, y: grad / (1 + exp(x - y)),
    tensors_only=True,
)
def logaddexp(x, y):
    """log(exp(x) + exp(y))"""
    return x if x == y and x - x != 0 else max(x, y) + math.log1p(math.exp(-abs(x - y)))


@pointwise(
    x=lambda grad, x, y: grad / (1 + exp2(y - x)),
    y=lambda grad, x, y: grad / (1 + exp2(x - y)),
    tensors_only=True,
)
def logaddexp2(x, y):
    """log2(2^x + 2^y)"""
    larger = max(x, y)
    return x if x == y and x - x != 0 else larger + math.log1p(math.exp2(-abs(x - y))) / LN2


@pointwise(
    x=lambda grad, x, y: grad * where((x == 0) & (y <= 0), 0, log(y)),
    y=lambda grad, x, y: grad * x / y,
)
def xlogy(x, y):
    """x * log(y), and 0 where x is 0"""
    return x * math.log(y) if x != 0 or y != y else (y if y != y else 0)


@pointwise(x=lambda grad, x: where((x < 0) | (x > 1), math.nan, grad / (abs(x) * (1 - x))))
def logit(x):
    """log(x / (1 - x))"""
    return math.log(x / (1 - x))


@pointwise(
    x=lambda grad, x, eps: where((x < eps) | (x > 1 - eps), 0, grad / (x * (1 - x))),
    node="LogitBackward0",
)
def logit_within(x, eps: Number):
    """logit of x, kept between eps and 1 - eps"""
    z = eps if x < eps else (1 - eps if x > 1 - eps else x)
    return math.log(z / (1 - z))


def clamped_logit(input: Any, eps: float | None = None, *, out: Any = None) -> Any:
    """log(x / (1 - x)); with `eps`, of x kept between eps and 1 - eps."""
    if out is not None:
        return into(clamped_logit, out, input, eps)
    return logit(input) if eps is None or eps < 0 else logit_within(input, eps)


clamped_logit.__name__ = "logit"
