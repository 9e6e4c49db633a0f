"""Sums, differences and products."""

from __future__ import annotations

from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.ops.define import NUMBERS, dtype_of, into, pointwise
from minigrad.ops.pointwise.rounding import sign
from minigrad.tensor import TENSORS, Tensor

NO_BOOL_MINUS = (
    "Subtraction, the `-` operator, with a bool tensor is not supported. "
    "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
)


@pointwise(x=lambda grad: grad, y=lambda grad: grad)
def add(x, y):
    """x + y"""
    return x + y


@pointwise(
    x=lambda grad: grad,
    y=lambda grad: -grad,
    no_bool="Subtraction, the `-` operator, with two bool tensors is not supported. "
    "Use the `^` or `logical_xor()` operator instead.",
)
def sub(x, y):
    """x - y"""
    return x - y


@pointwise(x=lambda grad: grad, y=lambda grad, alpha: grad * alpha, node="AddBackward0")
def add_multiple(x, y, alpha: Number):
    """x + alpha * y"""
    return x + alpha * y


@pointwise(
    x=lambda grad: grad,
    y=lambda grad, alpha: -(grad * alpha),
    node="SubBackward0",
    no_bool=NO_BOOL_MINUS,
)
def sub_multiple(x, y, alpha: Number):
    """x - alpha * y"""
    return x - alpha * y


@pointwise(
    x=lambda grad: -grad,
    node="RsubBackward1",
    no_bool=NO_BOOL_MINUS,
)
def rsub(x, other: Number):
    """other - x, of a number and a tensor"""
    return other - x


@pointwise(x=lambda grad, y: grad * y, y=lambda grad, x: grad * x)
def mul(x, y):
    """x * y"""
    return x * y


@pointwise(
    x=lambda grad: -grad,
    no_bool="Negation, the `-` operator, on a bool tensor is not supported. "
    "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
)
def neg(x):
    """-x"""
    return -x


@pointwise(x=lambda grad, x: grad * sign(x))
def abs(x):
    """|x|"""
    return abs(x)


@pointwise(
    x=lambda grad, tensor1, tensor2: grad,
    tensor1=lambda grad, tensor2, value: grad * (tensor2 * value),
    tensor2=lambda grad, tensor1, value: grad * (tensor1 * value),
    casts_numbers=True,
    tensors_only=True,
)
def addcmul(x, tensor1, tensor2, value: Number = 1):
    """x + value * tensor1 * tensor2"""
    return x + value * (tensor1 * tensor2)


@pointwise(
    x=lambda grad: grad,
    tensor1=lambda grad, tensor2, value: grad * (value / tensor2),
    tensor2=lambda grad, tensor1, tensor2, value: -grad * (value * tensor1 / (tensor2 * tensor2)),
    tensors_only=True,
)
def addcdiv(x, tensor1, tensor2, value: Number = 1):
    """x + value * tensor1 / tensor2"""
    return x + value * (tensor1 / tensor2)


@pointwise(
    x=lambda grad, weight: grad * (1 - weight),
    y=lambda grad, weight: grad * weight,
    weight=lambda grad, x, y: grad * (y - x),
    node="LerpBackward1",
    tensors_only=True,
)
def lerp_tensor(x, y, weight):
    """x + weight * (y - x), exact at both ends"""
    return x + weight * (y - x) if abs(weight) < 0.5 else y - (y - x) * (1 - weight)


@pointwise(
    x=lambda grad, weight: grad * (1 - weight),
    y=lambda grad, weight: grad * weight,
    node="LerpBackward0",
    tensors_only=True,
)
def lerp_number(x, y, weight: Number):
    """x + weight * (y - x), exact at both ends"""
    return x + weight * (y - x) if abs(weight) < 0.5 else y - (y - x) * (1 - weight)


def scaled_add(input: Any, other: Any, *, alpha: float = 1, out: Any = None) -> Any:
    """input + alpha * other"""
    if out is not None:
        return into(scaled_add, out, input, other, alpha=alpha)
    if alpha == 1:
        return add(input, other)
    check_alpha(alpha, input, other)
    return add_multiple(input, other, alpha)


def scaled_sub(input: Any, other: Any, *, alpha: float = 1, out: Any = None) -> Any:
    """input - alpha * other"""
    if out is not None:
        return into(scaled_sub, out, input, other, alpha=alpha)
    if alpha == 1:
        return sub(input, other)
    check_alpha(alpha, input, other)
    return sub_multiple(input, other, alpha)


scaled_add.__name__, scaled_sub.__name__ = "add", "sub"  # as users and error messages know them


def reflected_sub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """other - alpha * input"""
    if type(input) not in TENSORS:
        raise TypeError(f"rsub(): argument 'input' must be Tensor, not {type(input).__name__}")
    check_alpha(alpha, input, other)
    if type(other) not in NUMBERS:
        return rsub_multiple(input, other, alpha)
    return rsub(input, other) if alpha == 1 else rsub_number_multiple(input, other, alpha)


reflected_sub.__name__ = "rsub"


@pointwise(
    x=lambda grad, alpha: -(grad * alpha),
    node="RsubBackward1",
    no_bool=NO_BOOL_MINUS,
)
def rsub_number_multiple(x, other: Number, alpha: Number):
    """other - alpha * x, of a number and a tensor"""
    return other - alpha * x


@pointwise(
    x=lambda grad, alpha: -(grad * alpha),
    y=lambda grad: grad,
    node="RsubBackward0",
    no_bool=NO_BOOL_MINUS,
)
def rsub_multiple(x, y, alpha: Number):
    """y - alpha * x"""
    return y - alpha * x


def positive(input: Any) -> Any:
    """x itself"""
    if input.array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


def check_alpha(alpha: float, *operands: Any) -> None:
    if type(alpha) is float and {"i", "u", "b"}.issuperset(dtype_of(x).kind for x in operands):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """x + weight * (end - x)"""
    return (lerp_number if type(weight) in NUMBERS else lerp_tensor)(input, end, weight)
