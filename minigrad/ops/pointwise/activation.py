"""Activations of neural networks."""

from __future__ import annotations

import math
from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.ops.define import pointwise
from minigrad.ops.pointwise.choice import where
from minigrad.ops.pointwise.exponential import exp
from minigrad.ops.pointwise.special import erf
from minigrad.ops.pointwise.trigonometry import tanh

SQRT_HALF = math.sqrt(0.5)
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
INV_SQRT_2PI = 1 / math.sqrt(2 * math.pi)
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
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return gelu_erf(input) if approximate == "none" else gelu_tanh(input)
