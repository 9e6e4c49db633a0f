"""Operands and spellings of the pointwise operations, where the usual ones do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

NUMBER = 0.7  # for a parameter that is a Python number and has no default

# The operands of a pointwise operation, in the order of its parameters.  Their shapes broadcast.
# No value is whole or 0, no two are equal, and no quotient of two is whole: there are no kinks.
VALUES = (
    np.array([[-1.7, -0.6, 0.4], [0.9, 1.3, 2.2]]),
    np.array([0.7, -1.2, 1.6]),
    np.array([[0.3], [-0.8]]),
)
INTEGERS = (np.array([[-3, -1, 0], [2, 5, 7]]), np.array([1, 3, 6]), np.array([[2], [4]]))
CONDITION = np.array([[True, False, True], [False, True, True]])


def positive(values: Array) -> Array:
    return np.abs(values)


def within_one(values: Array) -> Array:
    return 0.4 * values


def above_one(values: Array) -> Array:
    return 1.1 + np.abs(values)


def probabilities(values: Array) -> Array:
    return 0.5 + 0.2 * values


# Where an operation's parameter is not defined, or not smooth, for all of VALUES.
DOMAINS: dict[tuple[str, str], Callable[[Array], Array]] = {
    ("acos", "x"): within_one,
    ("acosh", "x"): above_one,
    ("binary_entropy", "x"): probabilities,
    ("binary_entropy", "y"): probabilities,
    ("asin", "x"): within_one,
    ("atanh", "x"): within_one,
    ("erfinv", "x"): within_one,
    ("log", "x"): positive,
    ("log10", "x"): positive,
    ("log1p", "x"): within_one,
    ("log2", "x"): positive,
    ("logit", "x"): probabilities,
    ("logit_within", "x"): probabilities,
    ("pow_half", "x"): positive,
    ("pow_inverse_half", "x"): positive,
    ("pow_number", "x"): positive,
    ("pow_tensor", "x"): positive,
    ("rsqrt", "x"): positive,
    ("sqrt", "x"): positive,
    ("trigamma", "x"): positive,
    ("xlogy", "y"): positive,
}

# Expressions of the operations that are not written x.name(y).
SPELLINGS: dict[str, tuple[str, ...]] = {
    "weighted_logistic_loss": (
        "F.binary_cross_entropy_with_logits("
        "x, y.expand_as(x), reduction='none', pos_weight=positive.detach().sign() + 1.5)",
    ),
    "squared_error": ("F.mse_loss(x, y.expand_as(x), reduction='none')",),
    "smooth_absolute_error": ("F.smooth_l1_loss(x, y.expand_as(x), reduction='none', beta=0.8)",),
    "logistic_margin": ("F.soft_margin_loss(x, y.detach().sign(), reduction='none')",),
    "logistic_loss": ("F.binary_cross_entropy_with_logits(x, y.expand_as(x), reduction='none')",),
    "huber_error": ("F.huber_loss(x, y.expand_as(x), 'none', 0.8)",),
    "binary_entropy": ("F.binary_cross_entropy(x, y.expand_as(x), reduction='none')",),
    "add_multiple": ("x.add(y, alpha=0.7)", "torch.add(x, 2, alpha=0.7)"),
    "addcdiv": ("x.addcdiv(tensor1, tensor2)", "x.addcdiv(tensor1, tensor2, value=0.7)"),
    "addcmul": ("x.addcmul(tensor1, tensor2)", "x.addcmul(tensor1, tensor2, value=0.7)"),
    "bitwise_invert": ("~x",),
    "celu_smooth": ("F.celu(x)", "F.celu(x, 2)"),
    "clamp_high": ("x.clamp(max=1)",),
    "clamp_low": ("x.clamp(0)",),
    "clamp_max": ("x.clamp_max(1)",),
    "clamp_min": ("x.clamp_min(-1)",),
    "clamp_numbers": ("x.clamp(-0.5, 1)",),
    "clamp_tensors": ("x.clamp(low, high)", "x.clamp(max=high)"),
    "copysign_number": ("x.copysign(-2)",),
    "copysign_tensor": ("x.copysign(y)",),
    "cut_below": ("F.threshold(x, 0.5, 2)",),
    "div_floor": ("torch.div(x, y, rounding_mode='floor')", "x.div(0.7, rounding_mode='floor')"),
    "div_trunc": ("torch.div(x, y, rounding_mode='trunc')", "x.div(0.7, rounding_mode='trunc')"),
    "elu": ("F.elu(x)", "F.elu(x, 1.3)"),
    "fmod_number": ("x.fmod(0.7)", "x.fmod(-2)"),
    "fmod_tensor": ("x.fmod(y)",),
    "gelu_erf": ("F.gelu(x)",),
    "gelu_tanh": ("F.gelu(x, approximate='tanh')",),
    "hardshrink": ("x.hardshrink()", "F.hardshrink(x, 1)"),
    "hardsigmoid": ("F.hardsigmoid(x)",),
    "hardswish": ("F.hardswish(x)",),
    "hardtanh": ("F.hardtanh(x)", "F.hardtanh(x, -0.5, 0.8)"),
    "leaky_relu": ("F.leaky_relu(x)", "F.leaky_relu(x, 0.3)"),
    "lerp_number": ("x.lerp(y, 0.3)", "x.lerp(y, 0.8)"),
    "lerp_tensor": ("x.lerp(y, weight)",),
    "log_sigmoid": ("F.logsigmoid(x)",),
    "logit_within": ("x.logit(0.2)",),
    "masked_fill_number": ("x.masked_fill(condition, 2)",),
    "mish": ("F.mish(x)",),
    "number_pow": ("1.7 ** y",),
    "pow_half": ("x ** 0.5",),
    "pow_inverse_half": ("x ** -0.5",),
    "pow_inverse": ("x ** -1.0",),
    "power_of_two": ("2 ** x",),
    "polygamma_sum": ("x.polygamma(2)", "torch.polygamma(3, x)"),
    "pow_number": ("x ** 2.5", "x ** 0", "x ** 1", "x ** 3"),
    "pow_tensor": ("x ** y",),
    "pow_two": ("x ** 2",),
    "prelu_elements": ("F.prelu(x, weight)",),
    "remainder_number": ("x % 0.7", "x % -2"),
    "remainder_tensor": ("x % y",),
    "replace_non_finite": ("x.nan_to_num()", "x.nan_to_num(1, 2, 3)"),
    "round_places": ("x.round(decimals=1)",),
    "round_tens": ("x.round(decimals=-1)",),
    "rrelu_mean": ("F.rrelu(x)", "F.rrelu(x, 0.1, 0.5)"),
    "rsub": ("1.5 - x",),
    "rsub_number_multiple": ("torch.rsub(x, 2, alpha=3)",),
    "rsub_multiple": ("torch.rsub(x, y)", "torch.rsub(x, y, alpha=0.7)"),
    "selu": ("F.selu(x)",),
    "shrink": ("F.softshrink(x)", "F.softshrink(x, 1)"),
    "silu": ("F.silu(x)",),
    "softplus": ("F.softplus(x)", "F.softplus(x, 2, 1)"),
    "sub_multiple": ("x.sub(y, alpha=0.7)", "torch.sub(x, 2, alpha=-2)"),
    "trigamma": ("x.polygamma(1)",),
    "where": ("torch.where(condition, x, y)", "torch.where(condition, x, 0)"),
    "whole_floor_divide": ("x // y",),
    "whole_trunc_divide": ("x.div(y, rounding_mode='trunc')",),
}
