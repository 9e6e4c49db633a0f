"""Why an operation's derivative is zero, infinite or NaN, told from what its node saved."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.autograd.explain.graph import saved_by
from minigrad.node import Node

Values = dict[str, Any]  # what a node saved, by name, as NumPy arrays


def kind(node: Node) -> str:
    """The operation of a node: Mul for MulBackward0."""
    return re.sub(r"Backward\w*$", "", node.name())


def reason(node: Node) -> str:
    """What about its values makes a node's derivative zero or not finite, in words."""
    values = {saved.name: kernels.to_host(saved.array) for saved in saved_by(node)}
    explain = OF_KIND.get(kind(node))
    return (explain(values) if explain else "") or of_any(values)


def of_any(values: Values) -> str:
    for name, array in values.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return f"its {name} is not finite: inf - inf, 0 * inf and all with NaN give NaN"
    return "its derivative is zero (or not finite) for these values"


def relu(values: Values) -> str:
    seen = values.get("result", values.get("x"))
    if seen is None or (seen > 0).any():
        return ""
    return "relu's derivative is 0 below 0, and all that came in is below: the units are dead"


def saturated(values: Values) -> str:
    """sigmoid and tanh, far out."""
    result = values.get("result")
    if result is None or not np.isfinite(result).all():
        return ""
    return (
        "it is saturated: so far from 0 the curve is flat, and its outputs are all rounded to "
        f"{listed_values(result)}"
    )


def one_hot(values: Values) -> str:
    result = values.get("result")
    if result is None or not np.isfinite(result).all():
        return ""
    return "it is saturated: one score is so much higher that the others do not count any more"


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


def logarithm(values: Values) -> str:
    x = values.get("x")
    if x is None or (x > 0).all():
        return ""
    if (x < 0).any() or np.isnan(x).any():
        return "it takes the logarithm of a negative number, which is NaN"
    return "it takes the logarithm of 0, where the derivative 1/x is infinite"


def root(values: Values) -> str:
    seen = values.get("result", values.get("x"))
    if seen is None or (seen > 0).all():
        return ""
    if np.isnan(seen).any() or (seen < 0).any():
        return "it takes the square root of a negative number, which is NaN"
    return "it takes the square root of 0, where the derivative is infinite"


def quotient(values: Values) -> str:
    divisor = values.get("y", values.get("other"))
    if divisor is None or divisor.all():
        return product({name: a for name, a in values.items() if name not in ("y", "other")})
    return "it divides by 0"


def exponential(values: Values) -> str:
    result = values.get("result")
    if result is None:
        return ""
    if np.isinf(result).any():
        return f"exp overflowed: {result.dtype} ends at {np.finfo(result.dtype).max:.2g}"
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
