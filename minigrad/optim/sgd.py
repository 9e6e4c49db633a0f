"""Stochastic gradient descent, with momentum."""

from collections.abc import Iterable
from typing import Any

from minigrad.kernels import Array
from minigrad.optim.formulas import accumulate, decayed, descend
from minigrad.optim.optimizer import Group, Optimizer, regularised
from minigrad.tensor import Tensor, constant


class SGD(Optimizer):
    """param -= lr * v, where v = momentum * v + (1 - dampening) * grad.

    weight_decay adds weight_decay * param to grad.  nesterov looks ahead: grad + momentum * v
    takes the place of v (Sutskever et al. 2013).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        options = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def update(self, group: Group) -> None:
        for param in group["params"]:
            if param.grad is not None:
                descend(param, self.direction(param, group), group["lr"])

    def direction(self, param: Tensor, group: Group) -> Array:
        """Where this parameter came from: its gradient, or the momentum of its gradients."""
        grad = regularised(param, group)
        momentum = group["momentum"]
        if not momentum:
            return grad
        state = self.state[param]
        velocity: Tensor | None = state.get("momentum_buffer")
        if velocity is None:
            velocity = state["momentum_buffer"] = constant(grad.copy())
        else:
            accumulate(velocity, grad, momentum, 1 - group["dampening"])
        if group["nesterov"]:
            return decayed(grad, velocity.array, momentum)
        return velocity.array
