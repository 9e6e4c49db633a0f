"""RMSprop (Hinton's lecture 6e of 2012; centered: Graves 2013)."""

import math
from collections.abc import Iterable
from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.kernels.rules import Rule
from minigrad.optim.checks import check_lr, check_not_negative, ways
from minigrad.optim.elementwise import Elementwise
from minigrad.tensor import Tensor


def rmsprop(
    param: Any,
    grad: Any,
    square_avg: Any,
    momentum_buffer: Any,
    grad_avg: Any,
    lr: Number,
    alpha: Number,
    eps: Number,
    weight_decay: Number,
    momentum: Number,
    centered: bool,
    maximize: bool,
) -> Any:
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param
    square_avg = alpha * square_avg + (1 - alpha) * (grad * grad)
    variance = square_avg
    if centered:
        grad_avg = grad_avg + (1 - alpha) * (grad - grad_avg)
        variance = square_avg - grad_avg * grad_avg
    direction = grad / (math.sqrt(variance) + eps)
    if momentum:
        direction = momentum_buffer = momentum * momentum_buffer + direction
    return param - lr * direction, square_avg, momentum_buffer, grad_avg


class RMSprop(Elementwise):
    """param -= lr * grad / (sqrt(v) + eps), with v a running mean of grad**2.

    centered takes the square of grad's running mean from v; momentum adds up the quotients.
    """

    rule = Rule(rmsprop)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("alpha value", alpha)
        options = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "maximize": maximize,
            **ways(foreach, differentiable, capturable),
        }
        super().__init__(params, options)
