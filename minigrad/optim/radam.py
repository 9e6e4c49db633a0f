"""RAdam: Adam that waits for its variance to be known (Liu et al. 2020)."""

import math
from collections.abc import Iterable
from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.kernels.rules import Rule
from minigrad.optim.checks import check_betas, check_lr, check_not_negative, ways
from minigrad.optim.elementwise import Elementwise
from minigrad.tensor import Tensor


def radam(
    param: Any,
    grad: Any,
    exp_avg: Any,
    exp_avg_sq: Any,
    lr: Number,
    beta1: Number,
    beta2: Number,
    eps: Number,
    weight_decay: Number,
    step: Number,
    decoupled_weight_decay: bool,
    maximize: bool,
) -> Any:
    if maximize:
        grad = -grad
    if weight_decay and decoupled_weight_decay:
        param = param * (1 - lr * weight_decay)
    if weight_decay and not decoupled_weight_decay:
        grad = grad + weight_decay * param
    exp_avg = exp_avg + (1 - beta1) * (grad - exp_avg)
    exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * (grad * grad)
    limit = 2 / (1 - beta2) - 1
    length = limit - 2 * step * beta2**step / (1 - beta2**step)
    known = (length - 4) * (length - 2) / length if length > 5 else 0.0
    share = known / ((limit - 4) * (limit - 2) / limit) if length > 5 else 0.0
    rectified = math.sqrt((1 - beta2**step) * share)
    adaptive = rectified / (math.sqrt(exp_avg_sq) + eps) if length > 5 else 1.0
    return param - lr / (1 - beta1**step) * (exp_avg * adaptive), exp_avg, exp_avg_sq


class RAdam(Elementwise):
    """Adam, but for the first steps momentum alone: until v is a mean of enough gradients.

    `length` is how many v is a mean of, as it were; above 5, v counts with the share that its
    variance has of the final one.
    """

    rule = Rule(radam)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            **ways(foreach, differentiable, capturable),
        }
        super().__init__(params, options)
