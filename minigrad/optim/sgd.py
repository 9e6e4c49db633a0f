"""Stochastic gradient descent, with momentum."""

from collections.abc import Iterable
from typing import Any

from minigrad.optim.optimizer import Group, Optimizer
from minigrad.tensor import Tensor


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
                param.add_(self._direction(param, group), alpha=-group["lr"])

    def _direction(self, param: Tensor, group: Group) -> Tensor:
        """Where to go for this parameter: its gradient, or the momentum of its gradients."""
        grad: Tensor = -param.grad if group["maximize"] else param.grad
        if group["weight_decay"]:
            grad = grad.add(param, alpha=group["weight_decay"])
        momentum = group["momentum"]
        if not momentum:
            return grad
        state = self.state[param]
        velocity: Tensor | None = state.get("momentum_buffer")
        if velocity is None:
            velocity = state["momentum_buffer"] = grad.clone().detach()
        else:
            velocity.mul_(momentum).add_(grad, alpha=1 - group["dampening"])
        return grad.add(velocity, alpha=momentum) if group["nesterov"] else velocity
