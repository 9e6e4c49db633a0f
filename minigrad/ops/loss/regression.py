"""Losses of a number that should be another: squared, absolute, and what lies between them."""

from __future__ import annotations

from typing import Any

from minigrad.dtypes import check_floats
from minigrad.memory import warn_user
from minigrad.ops.arguments import typed
from minigrad.ops.loss.reduction import (
    REDUCTIONS,
    pointwise_loss,
    reduced,
    reduction_of,
)
from minigrad.ops.pointwise import abs, div, mul, sub
from minigrad.ops.pointwise.losses import huber_error, smooth_absolute_error, squared_error
from minigrad.ops.reduction import sum
from minigrad.tensor import Tensor


def warn_of_sizes(input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warn_user(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
        )


def check_weights(input: Tensor, weight: Tensor, reduction: str) -> None:
    """ValueError unless the weights fit, and the reduction is one."""
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"Invalid reduction mode: {reduction}. Expected one of 'none', 'mean', 'sum'."
        )


def weighted(errors: Tensor, weight: Tensor, reduction: str) -> Tensor:
    """Weighted errors; their mean is that of a weighted average."""
    products = mul(errors, weight)
    if reduction != "mean":
        return reduced(products, reduction)
    average: Tensor = div(sum(products), sum(weight))
    return average


@typed
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The squared differences, and their mean or sum; with `weight`, their weighted average."""
    warn_of_sizes(input, target)
    if weight is not None:
        check_weights(input, weight, reduction)
    reduction = reduction_of(size_average, reduce, reduction)
    if weight is not None:
        return weighted(sub(input, target) ** 2, weight, reduction)
    check_floats("mse_cpu", input.array.dtype)
    return pointwise_loss(squared_error, reduction, input, target)


@typed
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The absolute differences, and their mean or sum; with `weight`, their weighted average."""
    warn_of_sizes(input, target)
    if weight is not None:
        check_weights(input, weight, reduction)
    reduction = reduction_of(size_average, reduce, reduction)
    errors: Any = abs(sub(input, target))
    if weight is not None:
        return weighted(errors, weight, reduction)
    return reduced(errors, reduction)


@typed
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """l1_loss with a parabola where the difference is below `beta`; R. Girshick, Fast R-CNN,
    arXiv:1504.08083."""
    warn_of_sizes(input, target)
    reduction = reduction_of(size_average, reduce, reduction)
    if beta == 0:
        return reduced(abs(sub(input, target)), reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    check_floats("smooth_l1_cpu", input.array.dtype)
    return pointwise_loss(smooth_absolute_error, reduction, input, target, float(beta))


@typed
def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Half the squared difference; from `delta` on, a straight line of slope `delta`."""
    warn_of_sizes(input, target)
    if weight is not None:
        check_weights(input, weight, reduction)
    reduction = reduction_of(None, None, reduction)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    check_floats("huber_cpu", input.array.dtype)
    if weight is None:
        return pointwise_loss(huber_error, reduction, input, target, float(delta))
    return reduced(mul(huber_error(input, target, float(delta)), weight), reduction)
