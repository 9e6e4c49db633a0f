"""Losses that compare distributions: Kullback-Leibler, Poisson and Gaussian likelihoods."""

from __future__ import annotations

import math

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.memory import warn_user
from minigrad.ops.arguments import Flag, typed
from minigrad.ops.either import check_are_tensors
from minigrad.ops.filled import ones_like
from minigrad.ops.loss.reduction import REDUCTIONS, reduced, reduction_of
from minigrad.ops.masked import masked_fill
from minigrad.ops.pointwise import add, clamp_min, div, exp, le, log, lt, mul, sub, xlogy
from minigrad.ops.view import unsqueeze
from minigrad.tensor import Tensor, constant


@typed
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target (log(target) - input), where input (and target, with `log_target`) are logarithms of
    probabilities.  reduction="batchmean", the sum over the batch's size, is the divergence."""
    if input.array.dtype.kind in "iu" or target.array.dtype.kind in "iu":
        raise RuntimeError("kl_div: Integral inputs not supported.")
    legacy = size_average is not None or reduce is not None
    if reduction == "mean" and not legacy:
        warn_user(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next "
            "major release.",
        )
    by_batch = reduction == "batchmean" and not legacy
    reduction = reduction_of(size_average, reduce, "sum" if by_batch else reduction)
    if log_target:
        losses = mul(exp(target), sub(target, input))
    else:
        losses = sub(xlogy(target, target), mul(target, input))
    result = reduced(losses, reduction)
    if by_batch and input.array.ndim:
        result = div(result, input.array.shape[0])
    return result


@typed
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-likelihood of counts (target) under Poisson distributions whose means (or
    their logarithms) are the input.  `full` adds Stirling's approximation of log(target!)."""
    check_are_tensors("poisson_nll_loss", input=input, target=target)
    reduction = reduction_of(size_average, reduce, reduction)
    if log_input:
        losses = sub(exp(input), mul(target, input))
    else:
        losses = sub(input, mul(target, log(add(input, eps))))
    if full:
        losses = add(losses, log_factorial(target))
    return reduced(losses, reduction)


def log_factorial(n: Tensor) -> Tensor:
    """Stirling's approximation of log(n!), and 0 up to 1."""
    stirling = add(sub(mul(n, log(n)), n), mul(0.5, log(mul(n, 2 * math.pi))))
    result: Tensor = masked_fill(stirling, le(n, 1), 0)
    return result


@typed
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: Flag = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-likelihood of targets under normal distributions of mean `input` and variance
    `var` (its shape, or one a row; at least `eps`), without the constant unless `full`."""
    variance = variance_for(input, var)
    if variance.array.dtype.kind != "f":
        name = type_name(variance.array.dtype)
        raise RuntimeError(f"result type Float can't be cast to the desired output type {name}")
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not valid")
    missing = constant(clamp_min(sub(eps, variance.array), 0))
    variance = add(variance, missing)  # no less than eps, and the gradient goes straight through
    losses = mul(add(log(variance), div(sub(input, target) ** 2, variance)), 0.5)
    if full:
        losses = add(losses, 0.5 * math.log(2 * math.pi))
    return reduced(losses, reduction)


def variance_for(input: Tensor, var: Tensor | float) -> Tensor:
    """The variance in a shape that broadcasts to the input's."""
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        return mul(ones_like(input), var)
    array = kernels.physical(var.array)
    negative = kernels.any(lt(array, 0), tuple(range(array.ndim)), False)
    if kernels.to_host(negative):
        raise ValueError("var has negative entry/entries")
    wanted, given = input.array.shape, var.array.shape
    if given == wanted:
        return var
    if given == wanted[:-1]:
        return unsqueeze(var, -1)
    if len(given) == len(wanted):
        others = [n for n, m in zip(given, wanted, strict=True) if n != m]
        if others == [1]:
            return var
    raise ValueError("var is of incorrect size")
