"""Losses of one element: what a number costs that should be another."""

import math

from minigrad.kernels.codegen import Number
from minigrad.ops.define import pointwise
from minigrad.ops.pointwise.activation import log_sigmoid, sigmoid
from minigrad.ops.pointwise.choice import clamp_min, where
from minigrad.ops.pointwise.exponential import exp, log, log1p


@pointwise(
    x=lambda grad, x, y: 2 * grad * (x - y),
    y=lambda grad, x, y: 2 * grad * (y - x),
    node="MseLossBackward0",
)
def squared_error(x, y):
    """(x - y)^2"""
    return (x - y) * (x - y)


@pointwise(
    x=lambda grad, x, y, beta: (
        grad * where(x - y <= -beta, -1, where(x - y >= beta, 1, (x - y) / beta))
    ),
    y=lambda grad, x, y, beta: (
        grad * where(x - y <= -beta, 1, where(x - y >= beta, -1, (y - x) / beta))
    ),
    node="SmoothL1LossBackward0",
)
def smooth_absolute_error(x, y, beta: Number):
    """|x - y| - beta / 2, and a parabola where that is below beta / 2"""
    return 0.5 * (x - y) * (x - y) / beta if abs(x - y) < beta else abs(x - y) - 0.5 * beta


@pointwise(
    x=lambda grad, x, y, delta: (
        grad * where(x - y <= -delta, -delta, where(x - y >= delta, delta, x - y))
    ),
    y=lambda grad, x, y, delta: (
        grad * where(x - y <= -delta, delta, where(x - y >= delta, -delta, y - x))
    ),
    node="HuberLossBackward0",
)
def huber_error(x, y, delta: Number):
    """(x - y)^2 / 2, and from |x - y| = delta on a straight line"""
    return 0.5 * (x - y) * (x - y) if abs(x - y) <= delta else delta * (abs(x - y) - 0.5 * delta)


@pointwise(
    x=lambda grad, x, y: grad * (x - y) / clamp_min((1 - x) * x, 1e-12),
    y=lambda grad, x: grad * (log1p(-x) - log(x)),
    node="BinaryCrossEntropyBackward0",
)
def binary_entropy(x, y):
    """-(y log(x) + (1 - y) log(1 - x)), no logarithm below -100"""
    return (y - 1) * max(math.log1p(-x), -100) - y * max(math.log(x), -100)


@pointwise(
    x=lambda grad, x, y: grad * (sigmoid(x) - y),
    y=lambda grad, x: -grad * x,
    node="BinaryCrossEntropyWithLogitsBackward0",
)
def logistic_loss(x, y):
    """-(y log(s) + (1 - y) log(1 - s)) with s = sigmoid(x)"""
    return (1 - y) * x - min(x, 0) + math.log1p(math.exp(-abs(x)))


@pointwise(
    x=lambda grad, x, y, positive: grad * ((1 - y + positive * y) * sigmoid(x) - positive * y),
    y=lambda grad, x, positive: grad * (positive * log_sigmoid(x) * -1 + log_sigmoid(-x)),
    node="BinaryCrossEntropyWithLogitsBackward0",
)
def weighted_logistic_loss(x, y, positive):
    """-(positive y log(s) + (1 - y) log(1 - s)) with s = sigmoid(x)"""
    return (1 - y) * x + (1 + (positive - 1) * y) * (math.log1p(math.exp(-abs(x))) + max(-x, 0))


@pointwise(
    x=lambda grad, x, y: -grad * y * exp(-x * y) / (exp(-x * y) + 1),
    node="SoftMarginLossBackward0",
)
def logistic_margin(x, y):
    """log(1 + exp(-x y))"""
    return math.log1p(math.exp(-x * y))
