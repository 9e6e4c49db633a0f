"""Losses of a classifier: nll_loss and cross_entropy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.node import Node
from minigrad.ops.normalization import LogSoftmaxBackward0, log_softmax
from minigrad.ops.pointwise import (
    div,
    eq,
    gt,
    logical_and,
    logical_or,
    lt,
    mul,
    ne,
    neg,
    sub,
    where,
)
from minigrad.ops.reduction import mean, one_hot, sum
from minigrad.ops.rows import is_within
from minigrad.ops.view import permute, reshape, unsqueeze, view
from minigrad.saved import saved_values
from minigrad.tensor import TENSORS, Tensor, constant, record

Array = Any
Either = Any  # a Tensor or an array: the same comes out as went in
REDUCTIONS = ("none", "mean", "sum")


class NllLossBackward0(Node):
    """A row's gradient is `share` at its target: minus the weight of the row's loss."""

    __slots__ = ("input_shape", "share")
    saved_names = ("target",)  # (N,), with -1 for the rows that are ignored
    input_shape: tuple[int, ...]
    share: Any  # an array (N,) or a number

    def vjp(self, grad: Either) -> Any:
        is_tensor = type(grad) in TENSORS
        (target,), share = self.saved_arrays(), self.share
        if type(share) is float and not is_tensor:
            return (from_rows(self.scattered(mul(grad, share), target), self.input_shape),)
        if is_tensor and type(share) is not float:
            share = constant(share)
        if grad.ndim != 1 and grad.shape:
            grad = reshape(grad, (target.size,))
        scaled = mul(grad, share)
        if scaled.ndim:
            scaled = unsqueeze(scaled, 1)
        classes = self.input_shape[1 if len(self.input_shape) > 1 else 0]
        mask = one_hot(target.reshape(-1, 1), 1, (target.size, classes))
        rows = where(constant(mask) if is_tensor else mask, scaled, 0)
        return (from_rows(rows, self.input_shape),)

    def scattered(self, scaled: Array, target: Array) -> Array:
        """Zeros with the gradient of each row's loss put in, where no row is ignored."""
        rows = target.size
        numbers = kernels.to_device_of(np.arange(rows), target)
        values = scaled.reshape(rows) if scaled.ndim else kernels.broadcast_to(scaled, (rows,))
        shape = (rows, self.input_shape[1 if len(self.input_shape) > 1 else 0])
        return kernels.scatter_add_nd(shape, scaled.dtype, (numbers, target), values)


class NllLoss2DBackward0(NllLossBackward0):
    """The same for (N, C, H, W)."""

    __slots__ = ()


def to_rows(x: Array) -> Array:
    """Scores as (N, C), from (C,) or (N, C) or (N, C, H, W)."""
    if x.ndim <= 2:
        return x.reshape(-1, x.shape[-1])
    return x.transpose((0, 2, 3, 1)).reshape(-1, x.shape[1])


def from_rows(rows: Either, shape: tuple[int, ...]) -> Either:
    """The inverse of to_rows."""
    if len(shape) <= 2:
        return rows if len(shape) == 2 else reshape(rows, shape)
    n, c, h, w = shape
    return permute(reshape(rows, (n, h, w, c)), (0, 3, 1, 2))


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability of each target, weighted by its class.

    input: (N, C), (C,) or (N, C, ...) log-probabilities; target: (N,), () or (N, ...) int64.
    """
    check_reduction(size_average, reduce, reduction)
    check_shapes(input, target)
    shape = input.array.shape
    if len(shape) > 2 and len(shape) != 4:
        input = reshape(input, (shape[0], shape[1], 1, math.prod(shape[2:])))
    rows, labels = to_rows(input.array), target.array.reshape(-1)
    share = row_shares(labels, weight, ignore_index, rows, reduction == "mean")
    counted = ne(labels, ignore_index)
    numbers = kernels.to_device_of(np.arange(labels.size), labels)
    picked = kernels.gather_nd(rows, (numbers, where(counted, labels, 0)))
    losses = mul(where(counted, picked, 0), share)
    result = kernels.sum(losses, (0,), False)
    if reduction == "mean" and not labels.size:  # 0 / 0
        result = kernels.full((), math.nan, rows.dtype, rows)
    if reduction == "none":
        result = losses.reshape(input.array.shape[:1] + input.array.shape[2:] if shape[1:] else ())
    node = NllLossBackward0 if len(shape) <= 2 else NllLoss2DBackward0
    saved = (where(counted, labels, -1),)
    out = record(node, result, (input,), saved, share=share, input_shape=input.array.shape)
    return out if reduction != "none" or len(shape) in (1, 2, 4) else view(out, target.array.shape)


def check_reduction(size_average: Any, reduce: Any, reduction: str) -> None:
    if size_average is not None or reduce is not None:
        raise TypeError("size_average and reduce are not supported: use reduction instead")
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")


def check_shapes(input: Tensor, target: Tensor) -> None:
    """Raise unless `target` holds a class for each row of scores."""
    if not isinstance(target, Tensor):
        raise TypeError(f"target must be a Tensor, not {type(target).__name__}")
    x, labels = input.array, target.array
    if x.ndim == 0 or labels.shape != (x.shape[:1] if x.ndim > 1 else ()) + x.shape[2:]:
        raise ValueError(
            f"Expected input batch_size ({x.shape[0] if x.ndim else 0}) to match target batch_size "
            f"({labels.shape[0] if labels.ndim else 0}): scores of shape {list(x.shape)} need "
            f"targets of shape {list(x.shape[:1] + x.shape[2:]) if x.ndim > 1 else []}, "
            f"not {list(labels.shape)}"
        )
    if labels.dtype != np.int64:
        raise RuntimeError(
            f"expected scalar type Long but found {target.dtype}: make the targets with "
            "dtype=minigrad.int64, or call .long()"
        )
    kernels.check_one_device((x, labels))


def row_shares(
    labels: Array, weight: Tensor | None, ignored: int, like: Array, averaged: bool
) -> Any:
    """Minus the weight of each row's loss in the result: a number where all rows have the same."""
    classes = like.shape[1]
    some_ignored = check_targets(labels, ignored, classes)
    if weight is None and not some_ignored:
        return -1.0 / max(labels.size, 1) if averaged else -1.0
    counted = ne(labels, ignored)
    if weight is None:
        shares = counted.astype(like.dtype)
    elif weight.array.shape != (classes,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but "
            f"got weight tensor of shape: {list(weight.array.shape)}"
        )
    else:
        of_class = kernels.take_rows(weight.array, where(counted, labels, 0), 0)
        shares = where(counted, of_class, 0)
    return neg(div(shares, kernels.sum(shares, (0,), False)) if averaged else shares)


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


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Minus the log of the softmax probability of each target.

    input: (N, C), (C,) or (N, C, ...) scores; target: (N,), () or (N, ...) int64 classes, or
    probabilities in the shape of the input.
    """
    check_reduction(size_average, reduce, reduction)
    if not isinstance(target, Tensor):
        raise TypeError(f"target must be a Tensor, not {type(target).__name__}")
    class_dim = 0 if input.array.ndim == 1 else 1
    if label_smoothing:
        raise NotImplementedError("cross_entropy: label_smoothing is not supported yet")
    if target.array.dtype.kind == "f" or target.array.shape == input.array.shape:
        return soft_cross_entropy(input, target, weight, reduction, class_dim)
    if weight is None and input.array.ndim == 2 and reduction == "mean" and input.array.size:
        return mean_cross_entropy(input, target, ignore_index)
    log_probs = log_softmax(input, class_dim)
    return nll_loss(log_probs, target, weight, None, ignore_index, None, reduction)


def mean_cross_entropy(input: Tensor, target: Tensor, ignored: int) -> Tensor:
    """The usual case, by one kernel: log_softmax and the losses in the same pass over a row."""
    check_shapes(input, target)
    array, labels = input.array, target.array
    share = row_shares(labels, None, ignored, array, True)
    log_probs, losses = kernels.cross_entropy_rows(array, labels)
    middle = record(LogSoftmaxBackward0, log_probs, (input,), (None, log_probs), axis=1)
    if type(share) is float:
        result = mul(kernels.sum(losses, (0,), False), -share)
    else:
        result = neg(kernels.sum(mul(losses, share), (0,), False))
        labels = where(ne(labels, ignored), labels, -1)
    details = {"share": share, "input_shape": log_probs.shape}
    return record(NllLossBackward0, result, (middle,), (labels,), **details)


class DivBackward1(Node):
    """x divided by a number."""

    __slots__ = ("divisor",)
    divisor: float

    def vjp(self, grad: Either) -> Any:
        return (div(grad, self.divisor),)


def soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, class_dim: int
) -> Tensor:
    """With probabilities for targets."""
    if target.array.shape != input.array.shape:
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities to have the shape "
            f"of the input, {list(input.array.shape)}, but got {list(target.array.shape)}"
        )
    if target.array.dtype.kind != "f":
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {target.dtype}"
        )
    products = mul(log_softmax(input, class_dim), target)
    if weight is not None:
        shape = [1] * input.array.ndim
        shape[class_dim] = -1
        products = mul(products, reshape(weight, tuple(shape)))
    if reduction == "none":
        return neg(sum(products, class_dim))
    total = neg(sum(products))
    count = input.array.size // input.array.shape[class_dim]
    if reduction == "sum":
        return total
    return record(DivBackward1, div(total.array, count), (total,), divisor=count)


class MseLossBackward0(Node):
    """Of (input, target)."""

    __slots__ = ("reduction",)
    reduction: str

    def vjp(self, grad: Either) -> Any:
        x, y = saved_values(self, grad)
        array = x.array if type(x) in TENSORS else x
        scale = 2.0 / array.size if self.reduction == "mean" and array.size else 2.0
        dx = mul(mul(sub(x, y), scale), grad)
        return dx, neg(dx)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """The squared differences, and their mean or sum."""
    check_reduction(size_average, reduce, reduction)
    difference = sub(input.array, target.array)
    squares = mul(difference, difference)
    result = squares
    if reduction != "none":
        reduce_ = mean if reduction == "mean" else sum
        result = reduce_(squares)
    arrays = (input.array, target.array)
    return record(MseLossBackward0, result, (input, target), arrays, reduction=reduction)
