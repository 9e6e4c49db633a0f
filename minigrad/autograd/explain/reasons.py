"""Why an operation's derivative is zero, infinite or NaN, told from what its node saved."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.autograd.explain.graph import saved_by
from minigrad.autograd.explain.words import values_of
from minigrad.function import BackwardCFunction
from minigrad.node import Node

Values = dict[str, Any]  # what a node saved, by name, as NumPy arrays


def kind(node: Node) -> str:
    """The operation of a node: Mul for MulBackward0."""
    return re.sub(r"Backwards?\d*$", "", node.name())


def reason(node: Node) -> str:
    """What about its values makes a node's derivative zero or not finite, in words."""
    values = {saved.name: values_of(saved.array) for saved in saved_by(node)}
    if isinstance(node, BackwardCFunction):
        return "that is what its backward() returned"
    explain = OF_KIND.get(kind(node))
    return (explain(values) if explain else "") or of_any(values)


def of_any(values: Values) -> str:
    for name, array in values.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return f"its {name} is not finite: inf - inf, 0 * inf and all with NaN give NaN"
    return "its derivative is zero (or not finite) for these values"


def relu(values: Values) -> str:
    seen = values.get("result", values.get("x"))
    if seen is not None and (seen > 0).any():
        return "relu's derivative is 0 below 0, and what came in is below wherever a gradient comes"
    return (
        "relu's derivative is 0 below 0, and all that came in is below: the units are dead. "
        "Smaller steps, other first weights or leaky_relu keep units alive"
    )


def saturated(values: Values) -> str:
    """sigmoid and tanh, far out."""
    result = values.get("result")
    if result is None or not np.isfinite(result).all():
        return ""
    return (
        "it is saturated: so far from 0 the curve is flat, and its outputs are all rounded to "
        f"{listed_values(result)}. Smaller weights or normalized data keep it near 0"
    )


def one_hot(values: Values) -> str:
    result = values.get("result")
    if result is None or not np.isfinite(result).all():
        return ""
    return (
        "it is saturated: one score is so much higher that the others do not count any more. Scale "
        "the scores down"
    )


def product(values: Values) -> str:
    zero = [name for name, array in values.items() if not array.any()]
    infinite = [name for name, array in values.items() if not np.isfinite(array).all()]
    if infinite:
        return "a factor is not finite, and 0 * inf is NaN"
    if zero:
        return "it is a product, and the other factor is 0 everywhere"
    return "it is a product, and the other factor is 0 wherever a gradient comes"


def bounded(values: Values) -> str:
    return "all values lie outside the bounds of the clamp, where it is constant"


def chosen(values: Values) -> str:
    return "the condition picks the other side everywhere"


def flat(values: Values) -> str:
    return "it is a step function: flat wherever it has a derivative"


def overwritten(values: Values) -> str:
    return "what had been there was overwritten, and does not count for the loss any more"


def arc(values: Values) -> str:
    return "its derivative is infinite at -1 and 1"


def spread(values: Values) -> str:
    return "all values are the same, and the standard deviation has no derivative at 0"


def logarithm(values: Values) -> str:
    x = values.get("x")
    if x is None or (x > 0).all():
        return ""
    if (x < 0).any() or np.isnan(x).any():
        return "it takes the logarithm of a negative number, which is NaN"
    return (
        "it takes the logarithm of 0, where the derivative 1/x is infinite. Add a small number to "
        "it, or use log_softmax, log1p or xlogy"
    )


def root(values: Values) -> str:
    seen = values.get("result", values.get("x"))
    if seen is None or (seen > 0).all():
        return ""
    if np.isnan(seen).any() or (seen < 0).any():
        return "it takes the square root of a negative number, which is NaN"
    return (
        "it takes the square root of 0, where the derivative is infinite. Add a small number under "
        "the root"
    )


def quotient(values: Values) -> str:
    divisor = values.get("y", values.get("other"))
    if divisor is None or divisor.all():
        return product({name: a for name, a in values.items() if name not in ("y", "other")})
    return "it divides by 0. Add a small number to the divisor"


def exponential(values: Values) -> str:
    result = values.get("result")
    if result is None:
        return ""
    if np.isinf(result).any():
        most = np.finfo(result.dtype).max
        return (
            f"exp overflowed: {result.dtype} ends at {most:.2g}. Take the largest number away "
            "first, as softmax and logsumexp do"
        )
    return "" if result.any() else "exp of a very negative number is rounded to 0, and flat there"


def power(values: Values) -> str:
    arrays = list(values.values())
    base, exponent = values.get("x", arrays[0] if arrays else None), values.get("y")
    if base is None:
        return ""
    if (base < 0).any() and exponent is not None and (exponent % 1 != 0).any():
        return "it takes a broken power of a negative number, which is NaN"
    if not base.all():
        return (
            "it takes a power of 0, whose derivative is infinite for an exponent below 1, and 0 "
            "for one above 1"
        )
    return ""


def listed_values(array: Any) -> str:
    return " or ".join(f"{value:g}" for value in np.unique(array.round(3))[:3])


OF_KIND: dict[str, Callable[[Values], str]] = {
    "Relu": relu,
    "Sigmoid": saturated,
    "Tanh": saturated,
    "Softmax": one_hot,
    "LogSoftmax": one_hot,
    "Mul": product,
    "Mm": product,
    "Addmm": product,
    "Bmm": product,
    "Mv": product,
    "Dot": product,
    "Addcmul": product,
    "Clamp": bounded,
    "ClampMin": bounded,
    "ClampMax": bounded,
    "Hardtanh": bounded,
    "Where": chosen,
    "MaskedFill": chosen,
    "CopySlices": overwritten,
    "Copy": overwritten,
    "IndexPut": overwritten,
    "Fill": overwritten,
    "Zero": overwritten,
    "Put": overwritten,
    "Acos": arc,
    "Asin": arc,
    "Std": spread,
    "Sign": flat,
    "Floor": flat,
    "Ceil": flat,
    "Round": flat,
    "Trunc": flat,
    "Log": logarithm,
    "Log2": logarithm,
    "Log10": logarithm,
    "Log1P": logarithm,
    "Sqrt": root,
    "Rsqrt": root,
    "Div": quotient,
    "Reciprocal": quotient,
    "Exp": exponential,
    "Pow": power,
}
