"""The error function, the gamma function and what belongs to them."""

from __future__ import annotations

import math
from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.ops.define import pointwise
from minigrad.ops.pointwise.choice import where
from minigrad.ops.pointwise.exponential import exp
from minigrad.ops.pointwise.trigonometry import cos

TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)
HALF_SQRT_PI = math.sqrt(math.pi) / 2
LAST = 691 / 1307674368000  # -B12 / 12!

# Only kernels have math.erfinv, and math.sinpi and math.cospi, the sine and cosine of pi x, which
# are exact at whole and half numbers.


@pointwise(x=lambda grad, x: grad * (TWO_OVER_SQRT_PI * exp(-(x * x))))
def erf(x):
    """The error function"""
    return math.erf(x)


@pointwise(x=lambda grad, x: -grad * (TWO_OVER_SQRT_PI * exp(-(x * x))))
def erfc(x):
    """1 - erf(x), also where that is small"""
    return math.erfc(x)


@pointwise(x=lambda grad, result: grad * (HALF_SQRT_PI * exp(result * result)))
def erfinv(x):
    """The inverse of the error function"""
    return math.erfinv(x)  # type: ignore[attr-defined]


@pointwise(x=lambda grad, x, result: where(x == 0, 0, grad * ((cos(math.pi * x) - result) / x)))
def sinc(x):
    """sin(pi x) / (pi x), and 1 at 0"""
    return 1 if x == 0 else math.sin(math.pi * x) / (math.pi * x)


# ------------------------------------------------------------------------------ the gamma function
# The series are those of Abramowitz and Stegun, 6.3.18 and 6.4.12, the steps up to where they are
# good and the reflections are 6.3.5 to 6.3.7 and 6.4.6 to 6.4.7.


@pointwise(x=lambda grad, x: grad * digamma(x))
def lgamma(x):
    """log |gamma(x)|"""
    return math.lgamma(x)


@pointwise(x=lambda grad, x: grad * trigamma(x))
def digamma(x):
    """The derivative of lgamma"""
    y = 1 - x if x < 0 else x
    # the sum of 1 / (y + k) for k < 10: in pairs of k and 9 - k, and those over one denominator
    s = y * (y + 9)
    over = (2 * y + 9) * (40320 + s * (24352 + s * (3924 + s * (240 + s * 5))))
    under = s * (40320 + s * (12176 + s * (1308 + s * (60 + s))))
    z = y + 10 if y < 10 else y
    v = 1 / (z * z)
    tail = 1 / 240 - v * (1 / 132 - v * (691 / 32760 - v / 12))
    series = v * (1 / 12 - v * (1 / 120 - v * (1 / 252 - v * tail)))
    value = math.log(z) - 0.5 / z - series - (over / under if y < 10 else 0)
    cosine, sine = math.cospi(x), math.sinpi(x)  # type: ignore[attr-defined]
    mirrored = math.nan if sine == 0 else value - math.pi * cosine / sine
    return -1 / x if x == 0 else (mirrored if x < 0 else value)


@pointwise(x=lambda grad, x: grad * polygamma_sum(x, 2, -2), node="PolygammaBackward0")
def trigamma(x):
    """The derivative of digamma"""
    y = 1 - x if x < 0.5 else x
    # the sum of 1 / (y + k)^2 for k < 10: in pairs, where (y + k) (y + 9 - k) = a + k (9 - k)
    a = y * (y + 9)
    b, c, d, e = a + 8, a + 14, a + 18, a + 20
    pairs = (2 * a + 81) / (a * a) + (2 * a + 65) / (b * b) + (2 * a + 53) / (c * c)
    terms = pairs + (2 * a + 45) / (d * d) + (2 * a + 41) / (e * e)
    z = y + 10 if y < 10 else y
    v = 1 / (z * z)
    tail = 1 / 30 - v * (5 / 66 - v * (691 / 2730 - v * 7 / 6))
    series = v * (1 / 6 - v * (1 / 30 - v * (1 / 42 - v * tail)))
    value = (1 + 0.5 / z + series) / z + (terms if y < 10 else 0)
    ratio = math.pi / math.sinpi(x)  # type: ignore[attr-defined]
    return ratio * ratio - value if x < 0.5 else value


@pointwise(
    x=lambda grad, x, order, factor: grad * polygamma_sum(x, order + 1, -factor * (order + 1)),
    node="PolygammaBackward0",
)
def polygamma_sum(x, order: Number, factor: Number):
    """factor times the sum of 1 / (x + k)^(order + 1) over k >= 0, by Euler and Maclaurin"""
    if x <= 0 and math.floor(x) == x:
        return factor * math.inf
    p, z, terms = order + 1, x, 0 * order
    while z < 20:
        terms = terms + 1 / z**p
        z = z + 1
    v = 1 / (z * z)
    tail = 1 / 1209600 - (p + 7) * (p + 8) * v * (1 / 47900160 - (p + 9) * (p + 10) * v * LAST)
    tail = 1 / 720 - (p + 3) * (p + 4) * v * (1 / 30240 - (p + 5) * (p + 6) * v * tail)
    tail = z / (p - 1) + 0.5 + (p / z) * (1 / 12 - (p + 1) * (p + 2) * v * tail)
    return factor * (terms + tail / z**p)


def polygamma(n: int, input: Any) -> Any:
    """The n-th derivative of digamma."""
    if type(n) is not int:
        raise TypeError(f"polygamma(): argument 'n' must be int, not {type(n).__name__}")
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    if n < 2:
        return trigamma(input) if n else digamma(input)
    return polygamma_sum(input, n, float((-1) ** (n + 1) * math.factorial(n)))
