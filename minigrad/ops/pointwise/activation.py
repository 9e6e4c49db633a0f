"""Activations of neural networks."""

from __future__ import annotations

import math
from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.ops.define import pointwise
from minigrad.ops.pointwise.arithmetic import abs, add, sub
from minigrad.ops.pointwise.choice import where
from minigrad.ops.pointwise.division import div
from minigrad.ops.pointwise.exponential import exp, log1p
from minigrad.ops.pointwise.special import erf
from minigrad.ops.pointwise.trigonometry import tanh

SQRT_HALF = math.sqrt(0.5)
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
INV_SQRT_2PI = 1 / math.sqrt(2 * math.pi)
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer, arXiv:1706.02515
GELU_CUBE = 0.044715  # of the tanh approximation: Hendrycks and Gimpel, arXiv:1606.08415


@pointwise(x=lambda grad, result: grad * (1 - result) * result)
def sigmoid(x):
    """1 / (1 + exp(-x))"""
    return 1 / (1 + math.exp(-x))


@pointwise(x=lambda grad, x: grad * sigmoid(-x))
def log_sigmoid(x):
    """log(sigmoid(x))"""
    return min(x, 0) - math.log1p(math.exp(-abs(x)))


@pointwise(
    x=lambda grad, result: where(result <= 0, 0, grad),
    no_bool="Boolean inputs not supported for relu",
)
def relu(x):
    """max(x, 0)"""
    return max(x, 0)


@pointwise(x=lambda grad, x, negative_slope: where(x > 0, grad, grad * negative_slope))
def leaky_relu(x, negative_slope: Number = 0.01):
    """x above 0, negative_slope * x below"""
    return x if x > 0 else x * negative_slope


@pointwise(x=lambda grad, x, alpha: where(x <= 0, grad * (alpha * exp(x)), grad))
def elu(x, alpha: Number = 1.0):
    """x above 0, alpha * (exp(x) - 1) below"""
    return x if x > 0 else alpha * math.expm1(x)


@pointwise(
    x=lambda grad, x: where(x <= 0, grad * (SELU_SCALE * SELU_ALPHA * exp(x)), grad * SELU_SCALE),
    node="EluBackward0",
)
def selu(x):
    """elu, scaled so that activations keep mean 0 and variance 1 from layer to layer"""
    return SELU_SCALE * (x if x > 0 else SELU_ALPHA * math.expm1(x))


@pointwise(
    x=lambda grad, x, alpha: where(x <= 0, grad * exp(x / alpha), grad), node="CeluBackward0"
)
def celu_smooth(x, alpha: Number):
    """x above 0, alpha * (exp(x / alpha) - 1) below"""
    return x if x > 0 else alpha * math.expm1(x / alpha)


def celu(input: Any, alpha: float = 1.0) -> Any:
    """x above 0, alpha * (exp(x / alpha) - 1) below: elu with a continuous derivative."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return celu_smooth(input, alpha)


@pointwise(
    x=lambda grad, x: (
        grad
        * (tanh(log1p(exp(x))) + x * sigmoid(x) * (1 - tanh(log1p(exp(x))) * tanh(log1p(exp(x)))))
    )
)
def mish(x):
    """x * tanh(softplus(x))"""
    power = math.exp(x)  # tanh(log(1 + p)) = p (p + 2) / (p (p + 2) + 2)
    square = power * (power + 2)
    return x if x > 20 else x * (square / (square + 2))


@pointwise(x=lambda grad, x: where((x > -3) & (x < 3), grad / 6, 0))
def hardsigmoid(x):
    """sigmoid as three straight lines: 0 below -3, 1 above 3"""
    return min(max(x + 3, 0), 6) / 6


@pointwise(x=lambda grad, x: where(x <= -3, 0, where(x < 3, grad * (x / 3 + 0.5), grad)))
def hardswish(x):
    """x * hardsigmoid(x)"""
    return x * min(max(x + 3, 0), 6) / 6


@pointwise(x=lambda grad, x, lambd: where((x >= -lambd) & (x <= lambd), 0, grad))
def hardshrink(x, lambd: Number = 0.5):
    """0 between -lambd and lambd, x outside"""
    return 0 if x >= -lambd and x <= lambd else x


@pointwise(
    x=lambda grad, x, lambd: where((x >= -lambd) & (x <= lambd), 0, grad),
    node="SoftshrinkBackward0",
)
def shrink(x, lambd: Number):
    """x, moved towards 0 by lambd"""
    return x - lambd if x > lambd else (x + lambd if x < -lambd else x * 0)


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """x, moved towards 0 by `lambd`, and 0 within it."""
    if lambd < 0:
        raise RuntimeError(f"lambda must not be negative, but found {lambd}")
    return shrink(input, lambd)


@pointwise(
    x=lambda grad, x, threshold: where(x <= threshold, 0, grad),
    casts_numbers=True,
    node="ThresholdBackward0",
)
def cut_below(x, threshold: Number, value: Number):
    """x above the threshold, elsewhere a number"""
    return value if x <= threshold else x


@pointwise(
    x=lambda grad, x, weight: where(x > 0, grad, grad * weight),
    weight=lambda grad, x: where(x > 0, 0, grad * x),
    node="PreluKernelBackward0",
)
def prelu_elements(x, weight):
    """x above 0, weight * x below"""
    return x if x > 0 else weight * x


@pointwise(
    x=lambda grad, x, slope: where(x > 0, grad, grad * slope), node="RreluWithNoiseBackward0"
)
def rrelu_mean(x, slope: Number):
    """x above 0, slope * x below"""
    return x if x > 0 else x * slope


def softsign(input: Any) -> Any:
    """x / (1 + |x|)"""
    return div(input, add(abs(input), 1))


def tanhshrink(input: Any) -> Any:
    """x - tanh(x)"""
    return sub(input, tanh(input))


@pointwise(
    x=lambda grad, x: (
        grad * (0.5 * (1 + erf(x * SQRT_HALF)) + x * (exp(-0.5 * x * x) * INV_SQRT_2PI))
    ),
    node="GeluBackward0",
)
def gelu_erf(x):
    """x times the normal distribution function of x"""
    return x * 0.5 * (1 + math.erf(x * SQRT_HALF))


@pointwise(
    x=lambda grad, x: (
        0.5 * grad * (1 + tanh(SQRT_2_OVER_PI * (x + GELU_CUBE * x * x * x)))
        + 0.5
        * grad
        * x
        * (SQRT_2_OVER_PI * (1 + 3 * GELU_CUBE * x * x))
        * (
            1
            - tanh(SQRT_2_OVER_PI * (x + GELU_CUBE * x * x * x))
            * tanh(SQRT_2_OVER_PI * (x + GELU_CUBE * x * x * x))
        )
    ),
    node="GeluBackward0",
)
def gelu_tanh(x):
    """gelu's approximation by tanh"""
    return 0.5 * x * (1 + math.tanh(SQRT_2_OVER_PI * (x + GELU_CUBE * x * x * x)))


@pointwise(x=lambda grad, x: grad * (sigmoid(x) * (1 + x * (1 - sigmoid(x)))))
def silu(x):
    """x * sigmoid(x)"""
    return x / (1 + math.exp(-x))


@pointwise(
    x=lambda grad, x, beta, threshold: where(x * beta > threshold, grad, grad * sigmoid(x * beta))
)
def softplus(x, beta: Number = 1.0, threshold: Number = 20.0):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x is above the threshold"""
    return x if x * beta > threshold else math.log1p(math.exp(x * beta)) / beta


@pointwise(
    x=lambda grad, x, min_val, max_val: where((x <= min_val) | (x >= max_val), 0, grad),
    no_bool="Bool inputs not supported for hardtanh",
    casts_numbers=True,
)
def hardtanh(x, min_val: Number = -1.0, max_val: Number = 1.0):
    """x, kept between min_val and max_val"""
    return min(max(x, min_val), max_val)


def gelu(input: Any, approximate: str = "none") -> Any:
    """x times the normal distribution function of x; `approximate` is "none" or "tanh"."""
    if not isinstance(approximate, str):
        kind = type(approximate).__name__
        raise TypeError(f"gelu(): argument 'approximate' must be str, not {kind}")
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return gelu_erf(input) if approximate == "none" else gelu_tanh(input)
