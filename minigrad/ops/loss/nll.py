"""Minus the log-probability of the right class, and how targets and their weights are checked."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import check_floats, type_name
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either, constant_like
from minigrad.ops.loss.reduction import check_constants, reduction_of
from minigrad.ops.pointwise import div, eq, gt, logical_and, logical_or, lt, mul, ne, neg, where
from minigrad.ops.reduction import one_hot
from minigrad.ops.rows import is_within
from minigrad.ops.view import contiguous, permute, reshape, unsqueeze, view
from minigrad.tensor import TENSORS, Tensor, constant, record

Array = Any


class NllLossBackward0(Node):
    """A row's gradient is `share` at its target: minus the weight of the row's loss."""

    __slots__ = ("input_shape", "share")
    saved_names = ("target",)  # (N,), with -1 for the rows that are ignored
    input_shape: tuple[int, ...]
    share: Any  # an array (N,) or a number

    def vjp(self, grad: Either) -> Any:
        (target,), share = self.saved_arrays(), self.share
        if type(share) is not float:
            share = constant_like(share, grad)
        if grad.ndim > 1:
            grad = reshape(grad, (target.size,))
        values = mul(grad, share)
        classes = self.input_shape[1 if len(self.input_shape) > 1 else 0]
        if type(grad) in TENSORS:
            mask = one_hot(target.reshape(-1, 1), 1, (target.size, classes))
            rows = where(constant(mask), unsqueeze(values, 1) if values.ndim else values, 0)
        else:
            rows = kernels.at_targets(values, target, classes)
        return (from_rows(rows, self.input_shape),)


class NllLoss2DBackward0(NllLossBackward0):
    """The same for (N, C, H, W)."""

    __slots__ = ()


def to_rows(x: Either) -> Either:
    """Scores as (N, C), from (C,), (N, C) or (N, C, ...): the classes last."""
    if x.ndim <= 2:
        return x if x.ndim == 2 else reshape(x, (1, x.shape[0]))
    order = (0, *range(2, x.ndim), 1)
    shape = (math.prod(x.shape) // max(x.shape[1], 1), x.shape[1])
    if type(x) in TENSORS:
        return reshape(permute(x, order), shape)
    return x.transpose(order).reshape(shape)


def from_rows(rows: Either, shape: tuple[int, ...]) -> Either:
    """The inverse of to_rows."""
    if len(shape) <= 2:
        return rows if len(shape) == 2 else reshape(rows, shape)
    last = len(shape) - 1
    moved = reshape(rows, (shape[0], *shape[2:], shape[1]))
    return permute(moved, (0, last, *range(1, last)))


@typed
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability of each target, weighted by its class; the mean is that of a
    weighted average.

    input: (N, C), (C,) or (N, C, ...) log-probabilities; target: (N,), () or (N, ...) int64.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    check_constants("nll_loss_forward", weight=weight)
    labels = labels_for(input, target)
    check_floats("nll_loss_out_frame", input.array.dtype)
    shape = input.array.shape
    if len(shape) > 2 and len(shape) != 4:
        input = view(contiguous(input), (shape[0], shape[1], 1, math.prod(shape[2:])))
    rows = to_rows(input.array)
    share = row_shares(labels, weight, ignore_index, rows, reduction == "mean")
    if type(share) is float:  # no row is ignored
        losses = mul(picked(rows, labels), share)
    else:
        counted = ne(labels, ignore_index)
        losses = mul(where(counted, picked(rows, where(counted, labels, 0)), 0), share)
        labels = where(counted, labels, -1)
    result = reduced_losses(losses, reduction)
    if reduction == "none":
        result = losses.reshape(input.array.shape[:1] + input.array.shape[2:] if shape[1:] else ())
    node = NllLossBackward0 if len(shape) <= 2 else NllLoss2DBackward0
    out = record(node, result, (input,), (labels,), share=share, input_shape=input.array.shape)
    return out if reduction != "none" or len(shape) in (1, 2, 4) else view(out, target.array.shape)


def picked(rows: Array, labels: Array) -> Array:
    """The number of each row at its label; zeros where there are no classes."""
    if not rows.shape[1]:
        return kernels.full(labels.shape, 0, rows.dtype, rows)
    numbers = kernels.to_device_of(np.arange(labels.size), labels)
    return kernels.gather_nd(rows, (numbers, labels))


def reduced_losses(losses: Array, reduction: str) -> Array:
    """The losses of rows, each with its share of a mean, or their sum; a mean of none is NaN."""
    if reduction == "none":
        return losses
    if reduction == "mean" and not losses.size:
        return kernels.full((), math.nan, losses.dtype, losses)
    return kernels.sum(losses, (0,), False)


# --------------------------------------------------------------------------- targets and weights


def labels_for(input: Tensor, target: Tensor) -> Array:
    """The classes of all rows of scores as int64 (N,).  An error unless there is one for each."""
    x, labels = input.array, target.array
    if x.ndim == 0:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    check_shapes(x.shape, labels.shape)
    if labels.dtype not in (np.int64, np.uint8):
        raise RuntimeError(
            f"expected target dtype to be Long or Byte, but got {type_name(labels.dtype)}: make "
            "the targets with dtype=minigrad.int64, or call .long()"
        )
    kernels.check_one_device((x, labels))
    return labels.reshape(-1).astype(np.int64, copy=False)


def check_shapes(shape: tuple[int, ...], given: tuple[int, ...]) -> None:
    """Raise unless targets of shape `given` have a class for each row of scores."""
    batched = len(shape) > 1
    wanted = shape[:1] + shape[2:] if batched else ()
    if given == wanted or (not batched and given == (1,)):
        return
    detail = f"scores of shape {list(shape)} need targets of shape {list(wanted)}"
    sizes = (shape[0] if batched else 1, given[0] if given else 0)
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"Expected input batch_size ({sizes[0]}) to match target batch_size ({sizes[1]}): "
            f"{detail}, not {list(given)}"
        )
    raise RuntimeError(f"Expected target size {list(wanted)}, got {list(given)}: {detail}")


def row_shares(
    labels: Array, weight: Tensor | None, ignored: int, like: Array, averaged: bool
) -> Any:
    """Minus the weight of each row's loss in the result: a number where all rows have the same."""
    some_ignored = check_targets(labels, ignored, like.shape[1])
    if weight is None and not some_ignored:
        return -1.0 / max(labels.size, 1) if averaged else -1.0
    shares = label_weights(labels, weight, ignored, like)
    return neg(div(shares, kernels.sum(shares, (0,), False)) if averaged else shares)


def label_weights(labels: Array, weight: Tensor | None, ignored: int, like: Array) -> Array:
    """The weight of each row's class; 0 for the rows that are ignored."""
    counted = ne(labels, ignored)
    if weight is not None:
        check_weight(weight, like, like.shape[1])
    if weight is None or not like.shape[1]:
        return counted.astype(like.dtype)
    if weight.array.dtype != like.dtype:
        names = type_name(like.dtype), type_name(weight.array.dtype)
        raise RuntimeError("expected scalar type {} but found {}".format(*names))
    of_class = kernels.take_rows(weight.array, where(counted, labels, 0), 0)
    return where(counted, of_class, 0)


def check_weight(weight: Tensor, like: Array, classes: int) -> None:
    kernels.check_one_device((like, weight.array))
    if weight.array.shape != (classes,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but "
            f"got weight tensor of shape: {list(weight.array.shape)}"
        )


def check_targets(labels: Array, ignored: int, classes: int) -> bool:
    """Whether some targets are ignored.  IndexError unless the others are classes."""
    if not labels.size:
        return False
    labels = kernels.physical(labels)
    if labels.ndim > 1:  # of all samples, under vmap
        labels = labels.reshape(-1)
    if not 0 <= ignored < classes and is_within(labels, classes):
        return False
    labels = labels.reshape(-1)
    outside = logical_or(lt(labels, 0), gt(labels, classes - 1))
    wrong = logical_and(ne(labels, ignored), outside)
    if kernels.to_host(kernels.any(wrong, (0,), False)):
        first = kernels.to_host(labels)[kernels.to_host(wrong)][0]
        raise IndexError(f"Target {first} is out of bounds: there are {classes} classes, from 0.")
    return bool(kernels.to_host(kernels.any(eq(labels, ignored), (0,), False)))
