"""Adamax: Adam with the largest gradient in the place of the mean square (Kingma and Ba 2014)."""

from collections.abc import Iterable
from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.kernels.rules import Rule
from minigrad.optim.checks import check_betas, check_lr, check_not_negative, ways
from minigrad.optim.elementwise import Elementwise
from minigrad.tensor import Tensor


def adamax(
    param: Any,
    grad: Any,
    exp_avg: Any,
    exp_inf: Any,
    lr: Number,
    beta1: Number,
    beta2: Number,
    eps: Number,
    weight_decay: Number,
    step: Number,
    maximize: bool,
) -> Any:
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param
    exp_avg = exp_avg + (1 - beta1) * (grad - exp_avg)
    exp_inf = max(beta2 * exp_inf, abs(grad) + eps)
    return param - lr / (1 - beta1**step) * (exp_avg / exp_inf), exp_avg, exp_inf


class Adamax(Elementwise):
    """param -= lr * m / u, with m a running mean of grad and u = max(beta2 * u, abs(grad) + eps).

    m starts at zero and is divided by 1 - beta1**step to make up for it.
    """

    rule = Rule(adamax)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
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
            **ways(foreach, differentiable, capturable),
        }
        super().__init__(params, options)
