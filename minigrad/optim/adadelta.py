"""Adadelta (Zeiler 2012)."""

import math
from collections.abc import Iterable
from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.kernels.rules import Rule
from minigrad.optim.checks import check_lr, check_not_negative, ways
from minigrad.optim.elementwise import Elementwise
from minigrad.tensor import Tensor


def adadelta(
    param: Any,
    grad: Any,
    square_avg: Any,
    acc_delta: Any,
    lr: Number,
    rho: Number,
    eps: Number,
    weight_decay: Number,
    maximize: bool,
) -> Any:
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param
    square_avg = rho * square_avg + (1 - rho) * (grad * grad)
    delta = math.sqrt(acc_delta + eps) / math.sqrt(square_avg + eps) * grad
    acc_delta = rho * acc_delta + (1 - rho) * (delta * delta)
    return param - lr * delta, square_avg, acc_delta


class Adadelta(Elementwise):
    """param -= lr * delta, where delta = grad * sqrt(u + eps) / sqrt(v + eps).

    v is a running mean of grad**2, u one of delta**2: so that delta has the unit of param.
    """

    rule = Rule(adadelta)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative("epsilon value", eps)
        check_not_negative("weight_decay value", weight_decay)
        options = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            **ways(foreach, differentiable, capturable),
        }
        super().__init__(params, options)
