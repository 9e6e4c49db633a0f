"""cross_entropy: log_softmax and the loss of a class, or of probabilities of classes, in one pass.

No array of log-probabilities is made.  What a backward pass needs of them is the scores and two
numbers a row, `top` and `shift`: log p = (x - top) - shift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad import kernels
from minigrad.dtypes import check_floats
from minigrad.kernels.promotion import promote
from minigrad.node import NO_EDGE, Edge, Node
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either
from minigrad.ops.loss.nll import (
    NllLossBackward0,
    check_targets,
    check_weight,
    from_rows,
    label_weights,
    labels_for,
    reduced_losses,
    row_shares,
    to_rows,
)
from minigrad.ops.loss.reduction import check_constants, reduction_of
from minigrad.ops.normalization import log_softmax, softmax
from minigrad.ops.pointwise import add, div, exp, mul, ne, neg, sub, where
from minigrad.ops.reduction import one_hot, sum
from minigrad.ops.view import expand, reshape, unsqueeze
from minigrad.saved import saved_values
from minigrad.tensor import TENSORS, Tensor, constant, has_history, record

Array = Any


@typed
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Minus the log of the softmax probability of each target, times the weight of its class.

    input: (N, C), (C,) or (N, C, ...) scores; target: (N,), () or (N, ...) int64 classes, or
    probabilities in the shape of the input.  `label_smoothing` of the target is spread evenly over
    all classes: C. Szegedy et al., arXiv:1512.00567.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if target.array.shape == input.array.shape:
        check_probabilities(input, target, weight, ignore_index, label_smoothing)
        return of_probabilities(input, target, weight, reduction, max(label_smoothing, 0.0))
    if label_smoothing > 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    check_constants("nll_loss_forward", weight=weight)
    labels = labels_for(input, target)
    check_floats("log_softmax_lastdim_kernel_impl", input.array.dtype)
    options = (weight, ignore_index, reduction)
    if label_smoothing <= 0 and input.array.ndim <= 2:
        return of_classes(input, labels, target.array.shape, *options)
    return of_smoothed_classes(input, labels, target.array.shape, *options, label_smoothing)


# ------------------------------------------------------------------------------------- of classes


class LogSoftmaxBackward0(Node):
    """log_softmax along the rows of scores (N, C), of which only `top` and `shift` are kept."""

    __slots__ = ("shift", "top")
    saved_names = ("self",)
    top: Array
    shift: Array

    def vjp(self, grad: Either) -> Any:
        (x,) = self.saved_arrays()
        rows = kernels.scores_backward(to_rows(x), self.top, self.shift, to_rows(grad))
        return (from_rows(rows, x.shape),)

    def vjp_of_tensors(self, grad: Tensor) -> Any:
        (x,) = saved_values(self, grad)
        return (sub(grad, mul(softmax(x, -1), sum(grad, -1, True))),)


def of_classes(
    input: Tensor,
    labels: Array,
    shape: tuple[int, ...],
    weight: Tensor | None,
    ignored: int,
    reduction: str,
) -> Tensor:
    """The usual case, with the nodes that torch has for it: nll_loss of log_softmax."""
    rows = to_rows(input.array)
    share = row_shares(labels, weight, ignored, rows, reduction == "mean")
    losses, _, top, shift = kernels.cross_entropy_rows(rows, labels, None)
    # The log-probabilities themselves are nowhere: only their shape and dtype matter to the graph.
    stand_in = input.array
    middle = record(LogSoftmaxBackward0, stand_in, (input,), (stand_in,), top=top, shift=shift)
    if type(share) is float:
        result = mul(reduced_losses(losses, reduction), -share)
    else:
        counted = ne(labels, ignored)
        result = neg(reduced_losses(mul(where(counted, losses, 0), share), reduction))
        labels = where(counted, labels, -1)
    if reduction == "none" and result.shape != shape:
        result = result.reshape(shape)
    details = {"share": share, "input_shape": stand_in.shape}
    return record(NllLossBackward0, result, (middle,), (labels,), **details)


class CrossEntropyLossBackward0(Node):
    """Of classes: a row's loss is pull (-log p[class]) + level sum(weight (-log p))."""

    __slots__ = ("labels", "level", "pull", "shift", "top")
    saved_names = ("input", "weight")  # (C,), or None
    labels: Array  # (N,)
    pull: Array  # (N,): what smoothing leaves of the weight of the row's class
    level: Array  # (N,): what every class gets of it
    top: Array
    shift: Array

    def saved_edges(self) -> Sequence[Edge]:
        return *self.next_functions, NO_EDGE

    def factors(
        self, grad: Either, weight: Array | None, classes: int
    ) -> tuple[Either, Either, Either]:
        """Of the class, of every weight, and of every probability in a row's gradient: (N,)."""
        pull, level = self.pull, self.level
        total = classes if weight is None else sum(weight).astype(pull.dtype)
        both = add(pull, mul(level, total))
        if grad.ndim:
            grad = reshape(grad, (-1,))
        if type(grad) in TENSORS:
            pull, level, both = constant(pull), constant(level), constant(both)
        return mul(grad, pull), mul(grad, level), mul(grad, both)

    def vjp(self, grad: Array) -> Any:
        x, weight = self.saved_arrays()
        rows = to_rows(x)
        factors = self.factors(grad, weight, rows.shape[1])
        parts = (self.top, self.shift, self.labels, weight, *factors)
        return (from_rows(kernels.cross_entropy_backward(rows, *parts), x.shape),)

    def vjp_of_tensors(self, grad: Tensor) -> Any:
        x, weight = saved_values(self, grad)
        rows = to_rows(x)
        shape = rows.array.shape
        weights = None if weight is None else weight.array
        pull, level, both = (unsqueeze(f, 1) for f in self.factors(grad, weights, shape[1]))
        of_class = constant(one_hot(self.labels.reshape(-1, 1), 1, shape))
        weighted = level if weight is None else mul(level, weight)
        d = sub(mul(softmax(rows, 1), both), add(weighted, where(of_class, pull, 0)))
        return (from_rows(d, x.array.shape),)


def of_smoothed_classes(
    input: Tensor,
    labels: Array,
    shape: tuple[int, ...],
    weight: Tensor | None,
    ignored: int,
    reduction: str,
    smoothing: float,
) -> Tensor:
    """Any number of dimensions and any smoothing, by one node."""
    rows = to_rows(input.array)
    smoothing = max(smoothing, 0.0)
    check_targets(labels, ignored, rows.shape[1])
    own, counted = label_weights(labels, weight, ignored, rows), ne(labels, ignored)
    even = smoothing / max(rows.shape[1], 1)
    pull, level = mul(own, 1 - smoothing), mul(counted.astype(rows.dtype), even)
    weights = None if weight is None else weight.array
    every = kernels.full((rows.shape[1],), 1, rows.dtype, rows) if weights is None else weights
    labels = where(counted, labels, -1)
    parts = kernels.cross_entropy_rows(rows, labels, every if smoothing else None)
    losses, spread, top, shift = parts
    losses = mul(losses, pull)
    if smoothing:
        losses = add(losses, mul(spread, level))
    result = losses.reshape(shape) if reduction == "none" else kernels.sum(losses, (0,), False)
    if reduction == "mean":  # of nothing but ignored rows: NaN, but a gradient of 0
        total = kernels.sum(own, (0,), False)
        result = div(result, total)
        pull, level = (where(counted, div(part, total), 0) for part in (pull, level))
    details = {"labels": labels, "pull": pull, "level": level, "top": top, "shift": shift}
    return record(CrossEntropyLossBackward0, result, (input,), (input.array, weights), **details)


# ------------------------------------------------------------------------------- of probabilities


class CrossEntropyLossBackward1(Node):
    """Of (input, target) with probabilities for target."""

    __slots__ = ("share", "shift", "smoothing", "top")
    saved_names = ("input", "target", "weight")  # (C,), or None
    smoothing: float
    share: float  # of a row's loss in the result
    top: Array
    shift: Array

    def saved_edges(self) -> Sequence[Edge]:
        return *self.next_functions, NO_EDGE

    def of_rows(self, grad: Either, count: int) -> Either:
        """The gradient of each row's loss."""
        grad = reshape(mul(grad, self.share), (-1,))
        return grad if grad.shape[0] == count else expand(grad, (count,))

    def vjp(self, grad: Array) -> Any:
        x, target, weight = self.saved_arrays()
        rows, wanted = to_rows(x), to_rows(target)
        grad = self.of_rows(grad, rows.shape[0])
        dx = dtarget = None
        if self.needs_input_grad[0]:
            parts = (self.top, self.shift, wanted, weight, self.smoothing, grad)
            dx = from_rows(kernels.soft_cross_entropy_backward(rows, *parts), x.shape)
        if self.needs_input_grad[1]:
            log_probs = kernels.log_softmax(rows, 1)
            dtarget = from_rows(self.of_target(grad, log_probs, weight), x.shape)
        return dx, dtarget

    def of_target(self, grad: Either, log_probs: Either, weight: Either) -> Either:
        d = mul(unsqueeze(mul(grad, self.smoothing - 1), 1), log_probs)
        return d if weight is None else mul(d, weight)

    def vjp_of_tensors(self, grad: Tensor) -> Any:
        x, target, weight = saved_values(self, grad)
        rows, wanted = to_rows(x), smoothed(to_rows(target), self.smoothing)
        grad = self.of_rows(grad, rows.array.shape[0])
        log_probs = log_softmax(rows, 1)
        parts = wanted if weight is None else mul(wanted, weight)
        dx = mul(unsqueeze(grad, 1), sub(mul(exp(log_probs), sum(parts, 1, True)), parts))
        dtarget = self.of_target(grad, log_probs, weight)
        return tuple(from_rows(d, x.array.shape) for d in (dx, dtarget))


def smoothed(target: Either, smoothing: float) -> Either:
    """Rows of probabilities with a part of each spread evenly over all classes."""
    return add(mul(target, 1 - smoothing), smoothing / target.shape[1]) if smoothing else target


def check_probabilities(
    input: Tensor, target: Tensor, weight: Tensor | None, ignored: int, smoothing: float
) -> None:
    """Errors of a target in the shape of the input, in torch's words."""
    if target.array.dtype.kind != "f":
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {target.dtype}"
        )
    if ignored >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    if smoothing > 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {smoothing}")
    check_floats("log_softmax_lastdim_kernel_impl", input.array.dtype)
    if weight is not None:
        check_weight(weight, input.array, input.array.shape[0 if input.ndim == 1 else 1])


def of_probabilities(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float
) -> Tensor:
    """With probabilities for targets, by one node; weights that want a gradient make more."""
    rows, wanted = to_rows(input.array), to_rows(target.array)
    kernels.check_one_device((rows, wanted))
    if weight is not None and has_history(weight):
        return of_weighted_probabilities(input, target, weight, reduction, smoothing)
    dtype = promote(rows.dtype, wanted.dtype)
    weights = None if weight is None else weight.array.astype(dtype, copy=False)
    losses, top, shift = kernels.soft_cross_entropy_rows(
        rows.astype(dtype, copy=False), wanted, weights, smoothing
    )
    share = 1.0 / max(losses.size, 1) if reduction == "mean" else 1.0
    if not rows.size and reduction == "mean":
        share = math.nan
    result = reduced_losses(mul(losses, share), reduction)
    shape = input.array.shape[:1] + input.array.shape[2:] if input.ndim > 1 else ()
    return record(
        CrossEntropyLossBackward1,
        result.reshape(shape) if reduction == "none" else result,
        (input, target),
        (input.array, target.array, weights),
        smoothing=smoothing,
        share=share,
        top=top,
        shift=shift,
    )


def of_weighted_probabilities(
    input: Tensor, target: Tensor, weight: Tensor, reduction: str, smoothing: float
) -> Tensor:
    """The same, made of other operations."""
    wanted = mul(smoothed(to_rows(target), smoothing), weight)
    losses = neg(sum(mul(log_softmax(to_rows(input), 1), wanted), 1))
    if reduction == "none":
        shape = input.array.shape[:1] + input.array.shape[2:] if input.ndim > 1 else ()
        return reshape(losses, shape)
    total: Tensor = sum(losses)
    count = losses.array.size if input.array.size else 0
    return div(total, count) if reduction == "mean" else total
