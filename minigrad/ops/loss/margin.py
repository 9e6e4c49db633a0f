"""Losses that ask for a margin: between scores, distances, or angles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import check_floats
from minigrad.ops.arguments import Flag, typed
from minigrad.ops.filled import zeros_like
from minigrad.ops.loss.reduction import check_constants, reduced, reduction_of
from minigrad.ops.norm import pairwise_distance
from minigrad.ops.pointwise import (
    add,
    clamp_min,
    div,
    eq,
    ge,
    gt,
    logical_and,
    logical_not,
    logical_or,
    lt,
    minimum,
    mul,
    ne,
    neg,
    sqrt,
    sub,
    where,
)
from minigrad.ops.reduction import one_hot, sum
from minigrad.ops.view import reshape, unsqueeze
from minigrad.tensor import Tensor, constant

Array = Any

EPSILON = float(np.float32(1e-12))  # keeps the cosine of a zero vector finite; torch's number


@typed
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Distances x where the target is 1, and max(0, margin - x) where it is -1."""
    reduction = reduction_of(size_average, reduce, reduction)
    zeros = zeros_like(input)
    kept = input.array.dtype.type(margin).item()  # of integers, it is a whole number
    apart = where(ne(target, 1), clamp_min(sub(kept, input), 0), zeros)
    together = where(ne(target, -1), input, zeros)
    return reduced(add(apart, together), reduction)


@typed
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin - y (x1 - x2)): input1 should be larger where y is 1, input2 where it is -1."""
    reduction = reduction_of(size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    products = mul(neg(target), sub(input1, input2))
    return reduced(clamp_min(add(products, margin), 0), reduction)


# -------------------------------------------------------------------------- angles and distances


@typed
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1.

    input1 and input2: (N, D) with target (N,), or (D,) with target ().
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_vectors(input1, input2, target)
    dim = target.ndim
    product = sum(mul(input1, input2), dim)
    squares = [add(sum(mul(x, x), dim), EPSILON) for x in (input1, input2)]
    cosine = div(product, sqrt(mul(*squares)))
    zeros = zeros_like(cosine)
    together = where(eq(target, 1), sub(1, cosine), zeros)
    apart = where(eq(target, -1), clamp_min(sub(cosine, margin), 0), zeros)
    return reduced(add(together, apart), reduction)


def check_vectors(x: Tensor, y: Tensor, target: Tensor) -> None:
    """RuntimeError unless there is a vector for the target, or one for each."""
    if target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if not x.ndim == y.ndim == target.ndim + 1:
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found "
            f"inputs with sizes {list(x.shape)} and {list(y.shape)}."
        )


@typed
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(a, p) - d(a, n) + margin) with distances of norm `p`: vectors (N, D) or (D,).

    With `swap` a negative counts as near if it is near the anchor or the positive.
    """
    reduction = reduction_of(size_average, reduce, reduction)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return pairwise_distance(x, y, p, eps)

    losses = triplet_losses((anchor, positive, negative), distance, margin, swap)
    return reduced(losses, reduction)


@typed
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: Flag = False,
    reduction: str = "mean",
) -> Tensor:
    """triplet_margin_loss with any distance, a function of two tensors."""
    reduction = reduction_of(None, None, reduction)
    distance = distance_function or pairwise_distance
    return reduced(triplet_losses((anchor, positive, negative), distance, margin, swap), reduction)


def triplet_losses(
    triplet: tuple[Tensor, Tensor, Tensor],
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) of each triplet."""
    anchor, positive, negative = triplet
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    losses: Tensor = clamp_min(sub(add(near, margin), far), 0)
    return losses


# ---------------------------------------------------------------------------------------- classes


def positive_part(x: Tensor) -> Tensor:
    """x where it is above 0: neither 0 nor NaN gives a loss or gets a gradient, as in torch."""
    part: Tensor = where(gt(x, 0), x, 0)
    return part


@typed
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over other classes i of weight[y] max(0, margin - x[y] + x[i])^p.

    input: (N, C) or (C,) scores; target: (N,) or () classes y.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_constants("multi_margin_loss", weight=weight)
    check_classes(input, target, p, weight)
    rows, labels = as_rows(input), target.array.reshape(-1)
    of_target = constant(one_hot(labels.reshape(-1, 1), 1, rows.array.shape))
    score = sum(where(of_target, rows, 0), 1, True)
    missing = positive_part(add(sub(margin, score), rows))
    if p == 2:
        missing = mul(missing, missing)
    if weight is not None:
        missing = mul(missing, constant(kernels.take_rows(weight.array, labels, 0).reshape(-1, 1)))
    losses = div(sum(where(of_target, 0, missing), 1), rows.array.shape[1])
    scalar = not target.ndim and reduction == "none"
    return reduced(reshape(losses, ()) if scalar else losses, reduction)


def as_rows(input: Tensor) -> Tensor:
    """Scores as (N, C), one row of (C,) or of a single number."""
    return input if input.ndim == 2 else reshape(input, (1, input.array.size))


def check_not_empty(input: Tensor) -> None:
    shape = input.array.shape
    if len(shape) > 2 or not all(shape[1 if len(shape) == 2 else 0 :]):
        raise RuntimeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(shape)}"
        )


def check_classes(input: Tensor, target: Tensor, p: int, weight: Tensor | None) -> None:
    """Errors of multi_margin_loss in torch's words."""
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    check_not_empty(input)
    shape = input.array.shape
    rows, classes = shape if len(shape) == 2 else (1, max(input.array.size, 1))
    if target.ndim > 1 or target.array.size != rows:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input "
            f"samples (batch size). Expected target size [{rows}], but got {list(target.shape)}. "
            f"Input has shape {list(shape)}."
        )
    if weight is not None and weight.array.shape != (classes,):
        raise RuntimeError(
            f"inconsistent weight size, expected {classes} but got {list(weight.shape)}"
        )
    check_floats("multi_margin_loss_cpu_kernel", input.array.dtype)
    check_long(target)
    check_range(target, 0, classes, "target out of range")
    kernels.check_one_device([x.array for x in (input, target, weight) if x is not None])


def check_long(target: Tensor) -> None:
    if target.array.dtype != np.int64:
        raise RuntimeError(f"expected scalar type Long but found {target.dtype}")


def check_range(target: Tensor, lowest: int, stop: int, message: str) -> None:
    """RuntimeError for a class that is below `lowest` or not below `stop`."""
    labels = kernels.physical(target.array)
    outside = logical_or(lt(labels, lowest), ge(labels, stop))
    if kernels.to_host(kernels.any(outside, tuple(range(labels.ndim)), False)):
        raise RuntimeError(message)


@typed
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The sum over pairs of a class y of the row and one that is not, i, of
    max(0, 1 - x[y] + x[i]) / C.

    input: (N, C) or (C,) scores; target: of the same shape, the row's classes, then a -1.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_not_empty(input)
    if target.shape != input.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}"
        )
    rows, labels = as_rows(input), as_rows(target).array
    classes = rows.array.shape[1]
    check_floats("multilabel_margin_loss", input.array.dtype)
    check_long(target)
    check_range(target, -1, classes, "argument #2 'target' is out of range")
    named = named_classes(labels, classes)  # (N, labels, C)
    others = logical_not(kernels.any(named, (1,), True))
    pairs = constant(logical_and(kernels.any(named, (2,), True), others))
    scores = unsqueeze(rows, 1)
    of_label = sum(where(constant(named), scores, 0), 2, True)
    missing = where(pairs, positive_part(add(sub(1, of_label), scores)), 0)
    losses = div(sum(missing, (1, 2)), classes)
    scalar = input.ndim < 2 and reduction == "none"
    return reduced(reshape(losses, ()) if scalar else losses, reduction)


def named_classes(labels: Array, classes: int) -> Array:
    """(N, labels, C): whether a label before the row's first -1 is this class."""
    places = kernels.to_device_of(np.arange(labels.shape[1]), labels)
    ends = where(lt(labels, 0), places, labels.shape[1])
    counted = lt(places, kernels.amin(ends, (1,), True)) if labels.size else lt(labels, 0)
    kept = where(counted, labels, -1).reshape(*labels.shape, 1)
    return eq(kernels.to_device_of(np.arange(classes), labels), kept)
