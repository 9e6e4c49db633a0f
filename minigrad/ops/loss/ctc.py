"""Connectionist temporal classification: labels in order, at times that nobody tells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import check_floats, not_implemented
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either
from minigrad.ops.loss.reduction import reduction_of
from minigrad.ops.pointwise import clamp_min, div, eq, mul, where
from minigrad.ops.reduction import mean, sum
from minigrad.ops.view import squeeze, unsqueeze
from minigrad.saved import saved_values
from minigrad.tensor import TENSORS, Tensor, constant, record

Array = Any


class CtcLossBackward0(Node):
    """Of log_probs (T, N, C); `saved` is (log_probs,), the result is (N,)."""

    __slots__ = ("alphas", "blank", "labels", "losses", "zero_infinity")
    saved_names = ("log_probs",)
    labels: tuple[Array, Array, Array]  # targets (N, S), steps (N,), sizes (N,)
    losses: Array
    alphas: Array
    blank: int
    zero_infinity: bool

    def vjp(self, grad: Either) -> Any:
        (x,) = saved_values(self, grad)
        if type(grad) not in TENSORS:
            return (self.gradient(grad, x),)
        result = self.gradient(grad.array, x.array)
        ones = kernels.full(grad.array.shape, 1, x.array.dtype, x.array)
        slope = self.gradient(ones, x.array)
        return (record(CtcLossBackwardBackward, result, (grad, x), slope=slope),)

    def gradient(self, grad: Array, x: Array) -> Array:
        given = (*self.labels, self.losses, self.alphas, self.blank, self.zero_infinity)
        return kernels.ctc_loss_backward(grad, x, *given)


class CtcLossBackwardBackward(Node):
    """Of (the losses' gradient, log_probs), in which only the first has a derivative here."""

    __slots__ = ("slope",)
    slope: Array  # (T, N, C): the gradient of the sum of the losses

    def vjp(self, grad: Either) -> Any:
        if self.needs_input_grad[1]:
            raise RuntimeError("derivative for ctc_loss_backward is not implemented")
        slope = constant(self.slope) if type(grad) in TENSORS else self.slope
        return sum(mul(grad, slope), (0, 2)), None


@typed
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Minus the log of the probability that the labels, each repeated as often as may be and with
    blanks between them, are what was seen.  The mean is that of losses over their label counts.

    log_probs: (T, N, C) or (T, C), from log_softmax; targets: (N, S), or those of all samples one
    after the other; input_lengths, target_lengths: (N,) counts.  A. Graves et al., ICML 2006.
    """
    reduction = reduction_of(None, None, reduction)
    steps, sizes = lengths_of("input", input_lengths), lengths_of("target", target_lengths)
    batched = log_probs.ndim == 3
    if not batched and log_probs.ndim == 2 and steps.size == 1:
        log_probs = unsqueeze(log_probs, 1)
    check_lengths(log_probs, steps, sizes, blank)
    labels = padded(targets, sizes)
    check_labels(labels, sizes, log_probs.array.shape[2])
    result = losses_of(log_probs, (labels, steps, sizes), blank, zero_infinity)
    if reduction == "mean":
        counts = clamp_min(sizes, 1).astype(result.array.dtype)
        return mean(div(result, constant(counts)))
    if reduction == "sum":
        return sum(result)
    return result if batched else squeeze(result, 0)


def losses_of(
    log_probs: Tensor, labels: tuple[Array, Array, Array], blank: int, zero_infinity: bool
) -> Tensor:
    """(N,): the loss of each sample, recorded; with `zero_infinity`, 0 for one that cannot be."""
    x = log_probs.array
    losses, alphas = kernels.ctc_loss(x, *labels, blank)
    details = {"labels": labels, "losses": losses, "alphas": alphas}
    details |= {"blank": blank, "zero_infinity": zero_infinity}
    result = record(CtcLossBackward0, losses, (log_probs,), (x,), **details)
    return where(constant(eq(losses, math.inf)), 0, result) if zero_infinity else result


def lengths_of(name: str, lengths: Tensor | Sequence[int]) -> Array:
    """Counts as int64 (N,)."""
    if isinstance(lengths, Tensor):
        if lengths.array.dtype.kind not in "iu":
            raise RuntimeError(f"{name}_lengths must be integral")
        array = kernels.to_host(kernels.physical(lengths.array))
        return array.reshape(-1).astype(np.int64)
    return np.array([int(length) for length in lengths], np.int64)


def check_lengths(log_probs: Tensor, steps: Array, sizes: Array, blank: int) -> None:
    """Errors in torch's words."""
    if log_probs.ndim != 3:
        raise RuntimeError(
            f"Expected 3-dimensional tensor, but got {log_probs.ndim}-dimensional tensor for "
            "argument #1 'log_probs'"
        )
    check_floats("ctc_loss_cpu", log_probs.array.dtype)
    if log_probs.array.dtype == np.float16:
        raise not_implemented("ctc_loss_cpu", log_probs.array.dtype)
    count, samples, classes = log_probs.array.shape
    if not log_probs.array.size:
        raise RuntimeError("log_probs tensor must not be empty")
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    for name, lengths in (("input", steps), ("target", sizes)):
        if lengths.size != samples:
            raise RuntimeError(f"{name}_lengths must be of size batch_size")
        if lengths.min() < 0:
            raise RuntimeError(
                f"Expected {name}_lengths to have value at least 0, but got value {lengths.min()}"
            )
    if steps.max() > count:
        raise RuntimeError(
            f"Expected input_lengths to have value at most {count}, but got value {steps.max()}"
        )


def padded(targets: Tensor, sizes: Array) -> Array:
    """The labels of all samples as (N, S) int64, on the CPU."""
    array = kernels.to_host(targets.array).astype(np.int64)
    if array.ndim == 1 and array.size == sizes.sum():
        starts = np.cumsum(sizes) - sizes
        rows = np.zeros((sizes.size, max(sizes, default=0)), np.int64)
        for row, start, size in zip(rows, starts, sizes, strict=True):
            row[:size] = array[start : start + size]
        return rows
    if array.ndim == 2 and array.shape[0] != sizes.size:
        raise RuntimeError(
            f"Expected tensor to have size {sizes.size} at dimension 0, but got size "
            f"{array.shape[0]} for argument #2 'targets'"
        )
    wanted = sizes.sum() if array.ndim == 1 else max(sizes, default=0)
    if array.ndim != 2 or array.shape[1] < wanted:
        least = "" if array.ndim == 1 else "at least "
        raise RuntimeError(
            f"Expected tensor to have size {least}{wanted} at dimension {array.ndim - 1}, but "
            f"got size {array.shape[-1] if array.ndim else 0} for argument #2 'targets'"
        )
    return np.ascontiguousarray(array)


def check_labels(labels: Array, sizes: Array, classes: int) -> None:
    """IndexError for a label that is no class: the kernel would read beyond the scores."""
    counted = np.arange(labels.shape[1]) < sizes[:, None]
    wrong = labels[counted & ((labels < 0) | (labels >= classes))]
    if wrong.size:
        raise IndexError(
            f"Target {wrong[0]} is out of bounds: there are {classes} classes, from 0."
        )
