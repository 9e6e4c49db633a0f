"""Activations as torch.nn.functional has them: with inplace=, in place, or of several elements.

The formulas themselves are in pointwise/activation.py.
"""

from __future__ import annotations

from typing import Any

from minigrad.dtypes import type_name
from minigrad.node import Node
from minigrad.ops import pointwise, view
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either
from minigrad.ops.inplace import in_place
from minigrad.ops.joining import cat
from minigrad.ops.pointwise import add, le, mul, prelu_elements, rrelu_mean, sigmoid, sub, where
from minigrad.ops.random import rand
from minigrad.saved import saved_values
from minigrad.shapes import axis_of
from minigrad.tensor import Tensor, record


def kernel_in_place(op: Any) -> Any:
    """The in-place form of an operation that is one kernel."""
    return in_place(op, op.definition.ufunc)


relu_, selu_ = kernel_in_place(pointwise.relu), kernel_in_place(pointwise.selu)
leaky_relu_, elu_ = in_place(pointwise.leaky_relu), in_place(pointwise.elu)
celu_ = in_place(pointwise.celu)
silu_, mish_ = kernel_in_place(pointwise.silu), kernel_in_place(pointwise.mish)
hardsigmoid_ = kernel_in_place(pointwise.hardsigmoid)
hardswish_ = kernel_in_place(pointwise.hardswish)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0)"""
    return relu_(input) if inplace else pointwise.relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6)"""
    return hardtanh(input, 0.0, 6.0, inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x above 0, negative_slope * x below."""
    op = leaky_relu_ if inplace else pointwise.leaky_relu
    return op(input, negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x above 0, alpha * (exp(x) - 1) below."""
    return (elu_ if inplace else pointwise.elu)(input, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """elu, scaled so that activations keep mean 0 and variance 1 from layer to layer."""
    return selu_(input) if inplace else pointwise.selu(input)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x above 0, alpha * (exp(x / alpha) - 1) below: elu with a continuous derivative."""
    return (celu_ if inplace else pointwise.celu)(input, alpha)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x)"""
    return silu_(input) if inplace else pointwise.silu(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * tanh(softplus(x))"""
    return mish_(input) if inplace else pointwise.mish(input)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """sigmoid as three straight lines: 0 below -3, 1 above 3."""
    return hardsigmoid_(input) if inplace else pointwise.hardsigmoid(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * hardsigmoid(x)"""
    return hardswish_(input) if inplace else pointwise.hardswish(input)


def cut_below(input: Any, threshold: float, value: float) -> Any:
    """x above the threshold, elsewhere the value."""
    return pointwise.cut_below(input, threshold, value)


cut_below.__name__ = "threshold"
threshold_ = in_place(cut_below)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x above the threshold, elsewhere the value."""
    return (threshold_ if inplace else cut_below)(input, threshold, value)


def bounded(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """x, kept between min_val and max_val."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return pointwise.hardtanh(input, min_val, max_val)


bounded.__name__ = "hardtanh"
hardtanh_ = in_place(bounded)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x, kept between min_val and max_val."""
    return (hardtanh_ if inplace else bounded)(input, min_val, max_val)


# ------------------------------------------------------------------- with slopes: prelu and rrelu


@typed
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x above 0, weight * x below: one weight, or one a channel, which is dimension 1."""
    check_weight(input, weight)
    if weight.array.size != 1:
        weight = view.reshape(weight, [-1, *[1] * (input.array.ndim - 2)])
    elif weight.array.ndim != input.array.ndim:
        weight = view.reshape(weight, [1] * input.array.ndim)
    result: Tensor = prelu_elements(input, weight)
    return result


def check_weight(input: Tensor, weight: Any) -> None:
    """TypeError or RuntimeError for weights that do not belong to the channels."""
    x, w = input.array, weight.array
    if x.dtype != w.dtype:
        names = f"{type_name(x.dtype)} and {type_name(w.dtype)}"
        raise RuntimeError(f"prelu: Type promoting not supported. Got {names}")
    if w.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {w.ndim}"
        )
    if w.size == 1:
        return
    if not x.ndim:
        raise RuntimeError("Not allow zero-dim input tensor.")
    channels = x.shape[1] if x.ndim > 1 else 1
    if w.size != channels:
        raise RuntimeError(
            "Mismatch of parameter numbers and input channel size. "
            f"Found parameter numbers = {w.size} and channel size = {channels}."
        )


class RreluWithNoiseBackward0(Node):
    """Of x times slopes that were drawn for it."""

    __slots__ = ("slopes",)
    slopes: Any

    def vjp(self, grad: Either) -> Any:
        return (mul(grad, self.slopes),)


def random_leaky_relu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False
) -> Tensor:
    """x above 0, slope * x below: the mean slope, or in training one drawn for each element."""
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if not training:
        averaged: Tensor = rrelu_mean(input, (lower + upper) / 2)
        return averaged
    drawn = rand(input.array.shape, dtype=input.dtype, device=input.device)
    slopes = where(le(input, 0).array, add(mul(drawn.array, upper - lower), lower), 1.0)
    result = mul(input.array, slopes)
    return record(RreluWithNoiseBackward0, result, (input,), slopes=slopes)


random_leaky_relu.__name__ = "rrelu"
rrelu_ = in_place(random_leaky_relu)


@typed
def rrelu(
    input: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """x above 0, slope * x below: the mean slope, or in training one drawn for each element."""
    op = rrelu_ if inplace else random_leaky_relu
    return op(input, lower, upper, training)


# ------------------------------------------------------------------------------------------- glu


class GluBackward0(Node):
    """Of one half times the sigmoid of the other."""

    __slots__ = ("axis",)
    axis: int

    def vjp(self, grad: Either) -> Any:
        a, b = halves(saved_values(self, grad)[0], self.axis)
        gate = sigmoid(b)
        slope = mul(mul(a, gate), sub(1, gate))
        return (cat([mul(grad, gate), mul(grad, slope)], self.axis),)


def halves(x: Either, axis: int) -> tuple[Either, Either]:
    half = x.shape[axis] // 2
    return view.narrow(x, axis, 0, half), view.narrow(x, axis, half, half)


@typed
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a * sigmoid(b), of the two halves of x along `dim`."""
    array = input.array
    if not array.ndim:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    axis = axis_of(dim, array.ndim)
    if array.shape[axis] % 2:
        size = array.shape[axis]
        raise RuntimeError(f"Halving dimension must be even, but dimension {axis} is size {size}")
    a, b = halves(array, axis)
    return record(GluBackward0, mul(a, sigmoid(b)), (input,), (array, None), axis=axis)
