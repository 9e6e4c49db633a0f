"""Adagrad (Duchi et al. 2011)."""

import math
from collections.abc import Iterable
from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.kernels.rules import Rule
from minigrad.ops.filled import full_like
from minigrad.optim.checks import check_lr, check_not_negative, ways
from minigrad.optim.elementwise import Elementwise
from minigrad.optim.optimizer import Group
from minigrad.tensor import Tensor


def adagrad(
    param: Any,
    grad: Any,
    sum: Any,
    lr: Number,
    lr_decay: Number,
    eps: Number,
    weight_decay: Number,
    step: Number,
    maximize: bool,
) -> Any:
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param
    sum = sum + grad * grad
    rate = lr / (1 + (step - 1) * lr_decay)
    return param - rate * (grad / (math.sqrt(sum) + eps)), sum


class Adagrad(Elementwise):
    """param -= lr * grad / (sqrt(sum) + eps), with the sum of grad**2 over all steps."""

    rule = Rule(adagrad)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_not_negative("lr_decay value", lr_decay)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("initial_accumulator_value value", initial_accumulator_value)
        check_not_negative("epsilon value", eps)
        options = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "maximize": maximize,
            "fused": fused,
            **ways(foreach, differentiable, fused=fused),
        }
        super().__init__(params, options)
        for group in self.param_groups:  # torch has this state from the beginning, too
            for param in group["params"]:
                self.complete({}, ["sum"], param, group)

    def first_state(self, name: str, param: Tensor, group: Group) -> Tensor:
        return full_like(param, self.defaults["initial_accumulator_value"])
