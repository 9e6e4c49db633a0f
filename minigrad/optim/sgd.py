"""Stochastic gradient descent, with momentum."""

from collections.abc import Iterable
from typing import Any, ClassVar

from minigrad.kernels.codegen import Number
from minigrad.kernels.rules import Rule
from minigrad.optim.checks import check_lr, check_not_negative, ways
from minigrad.optim.elementwise import Elementwise
from minigrad.optim.optimizer import Group, State
from minigrad.tensor import Tensor


def sgd(
    param: Any,
    grad: Any,
    momentum_buffer: Any,
    lr: Number,
    momentum: Number,
    dampening: Number,
    weight_decay: Number,
    nesterov: bool,
    maximize: bool,
) -> Any:
    if maximize:
        grad = -grad
    if weight_decay:
        grad = grad + weight_decay * param
    if momentum:
        momentum_buffer = momentum * momentum_buffer + (1 - dampening) * grad
    if momentum and nesterov:
        grad = grad + momentum * momentum_buffer
    if momentum and not nesterov:
        grad = momentum_buffer
    return param - lr * grad, momentum_buffer


class SGD(Elementwise):
    """param -= lr * v, where v = momentum * v + (1 - dampening) * grad; the first v is grad.

    weight_decay adds weight_decay * param to grad.  nesterov looks ahead: grad + momentum * v
    takes the place of v (Sutskever et al. 2013).
    """

    rule = Rule(sgd)
    own = ("dampening",)
    counters: ClassVar[dict[str, float]] = {}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        options = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "fused": fused,
            **ways(foreach, differentiable, fused=fused),
        }
        super().__init__(params, options)

    def advance(self, state: State, group: Group, is_new: bool) -> tuple[float, ...]:
        """The first momentum is the whole gradient."""
        return (0 if is_new else group["dampening"],)
