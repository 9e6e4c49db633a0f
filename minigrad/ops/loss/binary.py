"""Losses of a yes or no: binary cross entropy of probabilities and of scores, soft margins."""

from __future__ import annotations

from typing import Any

from minigrad import kernels
from minigrad.dtypes import check_floats, type_name
from minigrad.ops.arguments import typed
from minigrad.ops.loss.reduction import (
    check_constants,
    pointwise_loss,
    reduced,
    reduction_of,
)
from minigrad.ops.pointwise import add, div, log_sigmoid, mul, neg, rsub
from minigrad.ops.pointwise.losses import (
    binary_entropy,
    logistic_loss,
    logistic_margin,
    weighted_logistic_loss,
)
from minigrad.ops.reduction import sum
from minigrad.shapes import broadcast_shape
from minigrad.tensor import Tensor

Array = Any


@typed
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(y log(p) + (1 - y) log(1 - p)) of probabilities p (input) and y (target) of one shape.
    No logarithm is below -100, so that the loss of a wrong certainty is finite."""
    reduction = reduction_of(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}) is deprecated. Please ensure they have the same size."
        )
    check_constants("binary_cross_entropy", weight=weight)
    if weight is not None:
        broadcast_shape(target.array.shape, weight.array.shape)
    check_floats("binary_cross_entropy", input.array.dtype)
    if target.array.dtype != input.array.dtype:
        given, wanted = type_name(target.array.dtype), type_name(input.array.dtype)
        raise RuntimeError(f"Found dtype {given} but expected {wanted}")
    for name, x in (("input", input), ("target", target)):
        check_probabilities(name, kernels.physical(x.array))
    return pointwise_loss(binary_entropy, reduction, input, target, weight=weight)


def check_probabilities(name: str, x: Array) -> None:
    """RuntimeError for NaN and for numbers outside 0 .. 1."""
    if not x.size:
        return
    every = tuple(range(x.ndim))
    lowest, highest = kernels.amin(x, every, False), kernels.amax(x, every, False)
    if not (kernels.to_host(lowest) >= 0 and kernels.to_host(highest) <= 1):
        raise RuntimeError(f"all elements of {name} should be between 0 and 1")


@typed
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """binary_cross_entropy of sigmoid(input), exact for any score.  `pos_weight` multiplies the
    loss of the positive targets."""
    reduction = reduction_of(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})"
        )
    name = "binary_cross_entropy_with_logits"
    check_constants(name, weight=weight, pos_weight=pos_weight)
    check_floats("log_sigmoid_cpu", input.array.dtype)
    if target.array.dtype.kind != "f":
        kind = type_name(target.array.dtype)
        raise RuntimeError(f"result type Float can't be cast to the desired output type {kind}")
    if pos_weight is None:
        return pointwise_loss(logistic_loss, reduction, input, target, weight=weight)
    shape = broadcast_shape(input.array.shape, pos_weight.array.shape)
    if shape != input.array.shape:
        raise RuntimeError(
            f"output with shape {list(input.shape)} doesn't match the broadcast shape {list(shape)}"
        )
    operands = (input, target, pos_weight)
    return pointwise_loss(weighted_logistic_loss, reduction, *operands, weight=weight)


@typed
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-y x)) of scores x and targets y, each 1 or -1."""
    reduction = reduction_of(size_average, reduce, reduction)
    check_constants("soft_margin_loss", target=target)
    if input.array.dtype.kind != "f":
        name = type_name(input.array.dtype)
        raise RuntimeError(f"result type Float can't be cast to the desired output type {name}")
    return pointwise_loss(logistic_margin, reduction, input, target)


@typed
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes of the binary cross entropy of scores; input and target: (..., C)."""
    if reduction not in ("none", "mean", "sum", "elementwise_mean"):
        raise ValueError(f"{reduction} is not valid")
    reduction = reduction_of(size_average, reduce, reduction)
    yes, no = log_sigmoid(input), log_sigmoid(neg(input))
    losses = neg(add(mul(target, yes), mul(rsub(target, 1), no)))
    if weight is not None:
        losses = mul(losses, weight)
    classes = input.array.shape[-1]
    return reduced(div(sum(losses, -1), classes), reduction)
