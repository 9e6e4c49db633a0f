"""Adam (Kingma and Ba 2014)."""

import math
from collections.abc import Iterable
from typing import Any

from minigrad.optim.optimizer import Group, Optimizer
from minigrad.tensor import Tensor, tensor, zeros_like


class Adam(Optimizer):
    """param -= lr * m / (sqrt(v) + eps), with m and v running means of grad and grad**2.

    Both start at zero and are divided by 1 - beta**step to make up for it.  weight_decay adds
    weight_decay * param to grad; amsgrad uses the largest v so far (Reddi et al. 2018).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for index, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {index}: {beta}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def update(self, group: Group) -> None:
        for param in group["params"]:
            if param.grad is not None:
                self._update(param, group)

    def _update(self, param: Tensor, group: Group) -> None:
        grad: Tensor = -param.grad if group["maximize"] else param.grad
        if group["weight_decay"]:
            grad = grad.add(param, alpha=group["weight_decay"])
        state = self.state[param] or self._start(param, group)
        beta1, beta2 = group["betas"]
        state["step"] += 1
        step = state["step"].item()

        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = square = state["max_exp_avg_sq"].maximum(square)
        deviation = (square.sqrt() / math.sqrt(1 - beta2**step)).add_(group["eps"])
        param.addcdiv_(mean, deviation, value=-group["lr"] / (1 - beta1**step))

    def _start(self, param: Tensor, group: Group) -> dict[str, Any]:
        state = self.state[param]
        state["step"] = tensor(0.0)
        state["exp_avg"] = zeros_like(param)
        state["exp_avg_sq"] = zeros_like(param)
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros_like(param)
        return state
