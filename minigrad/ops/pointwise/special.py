"""The error function and its like."""

from __future__ import annotations

import math

from minigrad.ops.define import pointwise
from minigrad.ops.pointwise.exponential import exp

TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)


@pointwise(x=lambda grad, x: grad * (TWO_OVER_SQRT_PI * exp(-(x * x))))
def erf(x):
    """The error function"""
    return math.erf(x)
